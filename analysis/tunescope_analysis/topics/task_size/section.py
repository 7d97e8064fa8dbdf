"""Is LayerNorm enough when there is more data?"""

from functools import partial

import numpy as np
import pandas as pd

from tunescope_analysis.io.results import Results
from tunescope_analysis.report.blocks import Cell, Heading, Picture, Table
from tunescope_analysis.report.formatting import MISSING, count, fixed, points, probability, spread
from tunescope_analysis.report.section import Section
from tunescope_analysis.topics.scores.learned_tasks import add_unlearned_tasks
from tunescope_analysis.topics.scores.table import order_methods, score_table
from tunescope_analysis.topics.task_size.figure import sizes_figure
from tunescope_analysis.topics.task_size.table import MIN_SIZES, size_correlation, size_gaps
from tunescope_analysis.topics.task_size.verdict import task_size_verdict


def task_size_section(results: Results) -> Section:
    """The gap to `full` of every method over the number of training examples of the tasks."""
    section = Section("task-size", "Gap to full fine-tuning by training-set size")
    gaps = size_gaps(results.trials)
    if gaps.empty or gaps["train_examples"].nunique() < 2:
        section.add_note(
            "This needs `full` and another method on tasks of two training-set sizes or more. Run a sweep "
            "over more `tasks`, or over several `[data] train_examples`, one job each."
        )
        return section
    methods = order_methods(score_table(results.trials))
    known = size_correlation(gaps).dropna(subset="spearman")
    section.add_paragraph(
        "Mean score less that of full with the same task and seed. Tasks differ in more than size."
    )
    add_unlearned_tasks(section, results.trials)
    if known.empty:
        section.add_note(
            f"Below {MIN_SIZES} sizes a trend cannot be told. Run more `tasks` or `train_examples`."
        )
    alt = "Difference to full over training-set size on a log axis, one marker per task, one line per method."
    others = [method for method in methods if method in set(gaps["method"])]
    section.add(
        _gap_table(gaps, known, others), Picture("task_size", partial(sizes_figure, gaps, methods), alt)
    )
    section.add_verdicts(task_size_verdict(gaps))
    return section


def _gap_table(gaps: pd.DataFrame, known: pd.DataFrame, methods: list[str]) -> Table:
    """A row per method, a column per task by its size, then the trend if there are enough sizes."""
    places = gaps[["train_examples", "task"]].drop_duplicates().sort_values(["train_examples", "task"])
    columns = list(places.itertuples(index=False, name=None))
    cells = gaps.set_index(["method", "train_examples", "task"])
    trends = known.set_index("method")
    headings = [Heading("Method", is_number=False), *(Heading(task, count(size)) for size, task in columns)]
    headings += [] if known.empty else [Heading("Spearman"), Heading("p")]
    rows = []
    for method in methods:
        row = [Cell(method), *(_gap_cell(cells, (method, *column)) for column in columns)]
        if method in trends.index:
            row += [Cell(fixed(trends.loc[method, "spearman"])), Cell(probability(trends.loc[method, "p"]))]
        elif not known.empty:
            row += [Cell(MISSING), Cell(MISSING)]
        rows.append(row)
    trend = "" if known.empty else " Spearman: of size and difference; p by a permutation test."
    caption = f"Difference to full × 100, mean ± standard deviation over seeds, by training-set size.{trend}"
    return Table("task_size", gaps, headings, rows, caption)


def _gap_cell(cells: pd.DataFrame, key: tuple[str, int, str]) -> Cell:
    if key not in cells.index:
        return Cell(MISSING)
    row = cells.loc[key]
    has_spread = np.isfinite(row["standard_deviation"])
    return Cell(points(row["gap"]), line=f"± {spread(row['standard_deviation'])}" if has_spread else "")
