"""Published figures beside ours, or the models that there are some for."""

import numpy as np
import pandas as pd

from tunescope_analysis.io.model import model_name, model_shape
from tunescope_analysis.io.results import Results
from tunescope_analysis.report.blocks import Cell, Heading, Subheading, Table
from tunescope_analysis.report.formatting import MISSING, count, join_words, percent, points, share
from tunescope_analysis.report.labels import metric_label
from tunescope_analysis.report.section import Section
from tunescope_analysis.topics.published.table import SHARE_FIGURE, published_figures, published_table

UNRECORDED_PAPERS = (
    "The GLUE scores of BERT-large in arXiv 2403.20284 and arXiv 2106.10199 (BitFit) are not on record here."
)


def add_published(section: Section, results: Results) -> None:
    """A table of what was published for the file's model and has a number of ours beside it."""
    section.add(Subheading("Published figures"))
    figures, name = published_figures(), model_name(results)
    models = sorted(set(figures["model"]))
    if name not in models:
        which = name or "this model"
        section.add_paragraph(
            f"No published figures apply to {which}; they are on record for {join_words(models)}. "
            f"{UNRECORDED_PAPERS}"
        )
        return
    own = figures[figures["model"] == name]
    table = published_table(results)
    if table.empty:
        methods = join_words(sorted(set(own["method"])))
        section.add_paragraph(f"For {name} they are of {methods}, on tasks that this file has no score for.")
        return
    section.add_paragraph(
        f"{_recognized(results, name)} Published scores come from other seeds and settings: a difference "
        "is no test."
    )
    if (own["figure"] == SHARE_FIGURE).all():
        section.add_paragraph(UNRECORDED_PAPERS)
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
    return Table("published", table, headings, rows, "Scores × 100; shares of parameters without the head.")


def _row(row: pd.Series) -> list[Cell]:
    if row["figure"] == SHARE_FIGURE:
        numbers = [Cell(share(row["ours"])), Cell(f"{row['printed']} %"), Cell(MISSING)]
        return [Cell(row["method"]), Cell(MISSING), Cell("trained parameters"), *numbers, Cell(row["source"])]
    spread = "" if np.isnan(row["standard_deviation"]) else f"± {percent(row['standard_deviation'])}"
    numbers = [Cell(percent(row["ours"]), spread), Cell(row["printed"]),
               Cell(points(row["ours"] - row["published"]))]  # fmt: skip
    return [
        Cell(row["method"]),
        Cell(row["task"]),
        Cell(metric_label(row["figure"])),
        *numbers,
        Cell(row["source"]),
    ]
