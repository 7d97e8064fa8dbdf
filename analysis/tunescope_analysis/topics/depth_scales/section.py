"""How large activations and gradients are from layer to layer, beside the Fisher information."""

from collections.abc import Sequence
from functools import partial

import pandas as pd
import xarray as xr

from tunescope_analysis.io.vocabulary import order_tasks
from tunescope_analysis.report.blocks import Cell, Heading, Picture, Subheading, Table
from tunescope_analysis.report.claims import Verdict
from tunescope_analysis.report.formatting import fixed, plural
from tunescope_analysis.report.section import Section
from tunescope_analysis.topics.depth_scales.table import scale_profile, scale_table
from tunescope_analysis.topics.depth_scales.verdict import depth_reason_verdict
from tunescope_analysis.topics.fisher_depth.figure import depth_figure

QUANTITIES = {"gradient": "Root-mean-square gradient", "activation": "Root-mean-square activation"}
SUMMARY_HEADINGS = {
    "growth": "Gradient, last layer / first",
    "passed_on": "Gradient at output LayerNorm / below",
    "gradient": "Fisher and gradient, Spearman",
    "activation": "Fisher and activation, Spearman",
}


def add_scales(section: Section, fisher: xr.Dataset, premises: Sequence[Verdict | None]) -> Verdict | None:
    """Add two profiles over depth and a table; returns what they say of LayerNorm and the later layers.

    `premises` are the verdicts that LayerNorm and the later layers have more Fisher information, which is
    what the profiles may explain. Without recorded scales there is no verdict.
    """
    section.add(Subheading("Scale of gradients and activations over depth"))
    profile = scale_profile(fisher)
    if not profile.size:
        section.add_note(
            "No Fisher run behind the maps has the scale of activations and gradients: an older program "
            "computed it. Remove the files of `results/NAME/fisher` and run `tunescope fisher JOB` again."
        )
        return None
    table = scale_table(fisher)
    sentence = scale_sentence(table)
    section.add_paragraph(
        "Root mean squares over tokens and hidden units: of the hidden state that leaves a layer and of what "
        "each block adds to its input, before LayerNorm; and of the gradients of log p(y|x) with respect to "
        "these. Only the first token is pooled, so in the last layer the other tokens' gradients are zero, "
        f"and count. {sentence}"
    )
    section.add(
        _scale_table(table),
        Table("depth_scales", profile.to_series().dropna().reset_index()),
        *(
            Picture(f"{kind}_depth", partial(depth_figure, profile.sel(kind=kind), words),
                    f"Lines of the {words.lower()} over layers, one panel per task. {sentence}")
            for kind, words in QUANTITIES.items()
        ),
    )  # fmt: skip
    words = "root mean square over tokens and hidden units"
    section.datasets["depth_scales"] = profile.assign_attrs(long_name=words, units="1").to_dataset()
    return depth_reason_verdict(table, sentence, premises)


def scale_sentence(table: pd.DataFrame) -> str:
    """Whether gradients grow with depth and rank the layers as Fisher information does, and what LayerNorm
    passes on."""
    growth = table["growth"].dropna()
    passed_on = (
        "The feed-forward network adds to a residual stream that no LayerNorm interrupts, so there is no "
        "gradient that output LayerNorm passes on."
        if table["passed_on"].isna().all()
        else f"Output LayerNorm gets {fixed(table['passed_on'].median())} times the gradient that it passes "
        "on to the feed-forward network below (median over layers and tasks)."
    )
    grows = f"{int((growth > 1).sum())} of {plural(len(growth), 'task')}"
    return (
        f"The hidden state's gradient is larger in the last layer than in the first on {grows} "
        f"({fixed(growth.median())} times, median). Spearman's correlation over layers of LayerNorm's "
        f"Fisher information is {fixed(table['gradient'].median())} with this gradient and "
        f"{fixed(table['activation'].median())} with the hidden state's own scale (medians over tasks). "
        f"{passed_on}"
    )


def _scale_table(table: pd.DataFrame) -> Table:
    rows = [
        [Cell(task), *(Cell(fixed(table.set_index("task").loc[task, name])) for name in SUMMARY_HEADINGS)]
        for task in order_tasks(table["task"])
    ]
    caption = "Scales over depth, and over layers their rank correlation with LayerNorm's Fisher information."
    headings = [Heading("Task", is_number=False), *map(Heading, SUMMARY_HEADINGS.values())]
    return Table("depth_scales_summary", table, headings, rows, caption)
