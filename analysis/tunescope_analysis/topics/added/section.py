"""How far added tensors moved, beside what full fine-tuning does to the same weights."""

from functools import partial

import pandas as pd

from tunescope_analysis.io.results import Results
from tunescope_analysis.report.blocks import Column, Picture, Subheading, Table, frame_table
from tunescope_analysis.report.formatting import scientific
from tunescope_analysis.report.labels import component_label
from tunescope_analysis.report.section import Section
from tunescope_analysis.topics.added.figure import added_figure
from tunescope_analysis.topics.added.table import added_table, over_layers


def add_added_tensors(section: Section, results: Results) -> None:
    """Add a table and a figure of the added tensors; nothing if no finished trial or Fisher run has any."""
    table = added_table(results)
    if table.empty:
        return
    summary = over_layers(table)
    section.add(Subheading("Tensors that methods add"))
    section.add_paragraph(
        "How far the tensors that a method adds to linear layers moved, relative to their values before "
        "training: mean over tasks and layers, and over seeds at the best learning rate. LoRA's B and the "
        "biases d and u of adapters begin with zeros: their root-mean-square change is given in units of the "
        "root mean square of LoRA's A and of the adapter's matrices D and U before training (our choice). "
        "Beside it stands the relative change of the weight itself with everything merged into it, and that "
        "of the same weight by full fine-tuning; adapters change no weight."
    )
    for sentence in merged_sentences(summary):
        section.add_paragraph(sentence)
    columns = {
        "method": Column("Method", is_number=False),
        "target": Column("Linear layer", lambda name: component_label(str(name)), is_number=False),
        "kind": Column("Tensor", is_number=False),
        "change": Column("Relative change", scientific),
        "merged": Column("Weight, merged", scientific),
        "full": Column("Weight, full fine-tuning", scientific),
        "fisher": Column("Fisher information per scalar", scientific),
    }
    shown = {name: column for name, column in columns.items() if not summary[name].isna().all()}
    section.add(frame_table("added_summary", summary, shown), Table("added", table))
    if table["change"].notna().any():
        alt = "Lines of relative change over layers, a panel per method and linear layer. "
        section.add(Picture("added", partial(added_figure, table), alt + " ".join(merged_sentences(summary))))


def merged_sentences(summary: pd.DataFrame) -> list[str]:
    """For each method, how much its weights change with everything merged, beside full fine-tuning."""
    sentences = []
    for method, own in summary.groupby("method", sort=False):
        weights = own.dropna(subset=["merged", "full"]).drop_duplicates("target")
        if weights.empty:
            continue
        ratios = weights["merged"] / weights["full"]
        spread = f"{ratios.min():.2g}" if len(ratios) == 1 else f"{ratios.min():.2g} to {ratios.max():.2g}"
        sentences.append(
            f"By {method} the weights that it adds to change {spread} times as much as by full fine-tuning."
        )
    return sentences
