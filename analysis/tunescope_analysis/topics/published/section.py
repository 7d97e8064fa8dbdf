"""Published figures beside ours, or the models that there are some for."""

import numpy as np
import pandas as pd

from tunescope_analysis.io.model import model_name, model_shape
from tunescope_analysis.io.results import Results
from tunescope_analysis.report.blocks import Cell, Heading, Subheading, Table
from tunescope_analysis.report.formatting import MISSING, count, join_words, percent, points, share
from tunescope_analysis.report.labels import metric_label
from tunescope_analysis.report.section import Section
from tunescope_analysis.topics.published.table import (
    SHARE_FIGURES,
    comparable_figures,
    published_table,
    tasks_on_other_splits,
)


def add_published(section: Section, results: Results) -> None:
    """A table of what was published for the file's model and has a number of ours beside it."""
    section.add(Subheading("Published figures"))
    figures, name = comparable_figures(), model_name(results)
    models = sorted(set(figures["model"]))
    if name not in models:
        which = name or "this model"
        section.add_paragraph(
            f"No published figures apply to {which}; they are on record for {join_words(models)}."
        )
        return
    table, elsewhere = published_table(results), tasks_on_other_splits(results)
    if table.empty and not elsewhere:
        methods = join_words(sorted(set(figures.loc[figures["model"] == name, "method"])))
        section.add_paragraph(f"For {name} they are of {methods}, of tasks that this file has no score for.")
    if elsewhere:
        section.add_note(
            f"No published score stands beside {join_words(elsewhere)}. Papers train on all of GLUE's "
            "training set, and choose and report on all of its dev set; these trials did not, by "
            "`[data] selection`, by limits of examples, or because their data are not GLUE's."
        )
    if not table.empty:
        section.add_paragraph(
            f"{_recognized(results, name)} Published scores come from other seeds and settings: a difference "
            "is no test. Below each source stands whether its figure was read there or in a summary of it "
            "(second-hand)."
        )
        section.add(_table(table))


def _recognized(results: Results, name: str) -> str:
    shape = model_shape(results)
    if shape is None:
        return f"The job names {name}."
    layers, hidden, words = shape
    return f"This model has the shape of {name}: {layers} layers, hidden size {hidden}, {count(words)} words."


def _table(table: pd.DataFrame) -> Table:
    headings = [Heading(text, is_number=False) for text in ("Method", "Task", "Figure")]
    headings += [
        Heading("Ours"),
        Heading("Published"),
        Heading("Difference × 100"),
        Heading("Source", is_number=False),
    ]
    rows = [_row(row) for _, row in table.iterrows()]
    return Table("published", table, headings, rows, "Scores × 100 on the dev set; shares of parameters.")


def _row(row: pd.Series) -> list[Cell]:
    source = Cell(row["source"], line=row["mark"])
    if row["figure"] in SHARE_FIGURES:
        what = f"trained parameters, {'with' if row['figure'] == 'share_with_head' else 'without'} the head"
        numbers = [Cell(share(row["ours"])), Cell(f"{row['printed']} %"), Cell(MISSING)]
        return [Cell(row["method"]), Cell(MISSING), Cell(what), *numbers, source]
    spread = "" if np.isnan(row["standard_deviation"]) else f"± {percent(row['standard_deviation'])}"
    numbers = [Cell(percent(row["ours"]), spread), Cell(row["printed"]),
               Cell(points(row["ours"] - row["published"]))]  # fmt: skip
    return [Cell(row["method"]), Cell(row["task"]), Cell(metric_label(row["figure"])), *numbers, source]
