"""Is LayerNorm enough when there is more data?"""

import numpy as np
import pandas as pd

from tunescope_analysis.figures.training import sizes_figure
from tunescope_analysis.io.results import Results
from tunescope_analysis.parts.learned import say_left_out
from tunescope_analysis.parts.numbers import MISSING, count, fixed, p_is, plural, points, probability, spread
from tunescope_analysis.parts.part import (
    NOT_DECIDABLE,
    NOT_SUPPORTED,
    SUPPORTED,
    Cell,
    Heading,
    Part,
    Picture,
    Table,
    Verdict,
)
from tunescope_analysis.scores import order_methods, score_table
from tunescope_analysis.stats.thresholds import LEVEL
from tunescope_analysis.task_size import FEWEST_SIZES, size_correlation, size_gaps

ASKED = ("layernorm-output", "layernorm")


def task_size_part(results: Results) -> Part:
    """The gap to `full` of every method over the number of training examples of the tasks."""
    part = Part("task-size", "Gap to full fine-tuning by training-set size")
    gaps = size_gaps(results.trials)
    if gaps.empty or gaps["train_examples"].nunique() < 2:
        part.note(
            "This needs `full` and another method on tasks of two training-set sizes or more. Run a sweep "
            "over more `tasks`, or over several `[data] train_examples`, one job each."
        )
        return part
    methods = order_methods(score_table(results.trials))
    known = size_correlation(gaps).dropna(subset="spearman")
    part.say("Mean score less that of full with the same task and seed. Tasks differ in more than size.")
    say_left_out(part, results.trials)
    if known.empty:
        part.note(f"Below {FEWEST_SIZES} sizes a trend cannot be told. Run more `tasks` or `train_examples`.")
    alt = "Difference to full over training-set size on a log axis, a marker a task, a line a method."
    others = [method for method in methods if method in set(gaps["method"])]
    part.add(_gap_table(gaps, known, others), Picture("task_size", sizes_figure(gaps, methods), alt))
    part.verdicts += size_verdicts(gaps)
    return part


def _gap_table(gaps: pd.DataFrame, known: pd.DataFrame, methods: list[str]) -> Table:
    """A row a method, a column a task by its size, then the trend where there are sizes enough."""
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


def trend_sentence(row: pd.Series) -> str:
    """How the gap of one method goes with size."""
    return (
        f"{row['method']}: Spearman's correlation of size and difference is {fixed(row['spearman'])} over "
        f"{plural(row['gaps'], 'training set')}, {p_is(row['p'])} (permutation test)."
    )


def size_verdicts(gaps: pd.DataFrame) -> list[Verdict]:
    """Whether LayerNorm falls behind as tasks grow: a trend, or none that so many tasks can show."""
    known = size_correlation(gaps).dropna(subset="spearman")
    asked = [method for method in ASKED if method in set(known["method"])]
    if not asked:
        return []
    row = known.set_index("method", drop=False).loc[asked[0]]
    ruling = NOT_DECIDABLE
    if row["p"] < LEVEL:
        ruling = SUPPORTED if row["spearman"] < 0 else NOT_SUPPORTED
    return [Verdict("task-size", ruling, trend_sentence(row), "task_size")]
