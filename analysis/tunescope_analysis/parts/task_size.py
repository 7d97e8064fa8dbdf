"""Is LayerNorm enough when there is more data?"""

import numpy as np
import pandas as pd

from tunescope_analysis.figures.training import sizes_figure
from tunescope_analysis.parts.numbers import count, fixed, p_is, points, spread
from tunescope_analysis.parts.part import (
    NOT_DECIDABLE,
    NOT_SUPPORTED,
    SUPPORTED,
    Column,
    Part,
    Picture,
    Verdict,
    frame_table,
)
from tunescope_analysis.results import Results
from tunescope_analysis.scores import order_methods, score_table
from tunescope_analysis.significance import LEVEL
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
    methods = [
        method for method in order_methods(score_table(results.trials)) if method in set(gaps["method"])
    ]
    correlations = size_correlation(gaps)
    known = correlations[np.isfinite(correlations["spearman"])]
    part.say("Mean score less that of full with the same task and seed. Tasks differ in more than size.")
    for _, row in known.iterrows():
        part.say(trend_sentence(row))
    if known.empty:
        part.note(f"Below {FEWEST_SIZES} sizes a trend cannot be told. Run more `tasks` or `train_examples`.")
    columns = {
        "method": Column("Method", is_number=False),
        "task": Column("Task", is_number=False),
        "train_examples": Column("Training examples", count),
        "gap": Column("Difference to full × 100", points),
        "standard_deviation": Column("Standard deviation × 100", spread),
        "pairs": Column("Seeds"),
    }
    alt = "Lines of the difference to full over training-set size on a log axis, a line a method."
    part.add(
        frame_table("task_size", gaps, columns),
        Picture("task_size", sizes_figure(gaps, methods), alt),
    )
    part.verdicts += _verdicts(known)
    return part


def trend_sentence(row: pd.Series) -> str:
    """How the gap of one method goes with size."""
    return (
        f"{row['method']}: Spearman's correlation of size and difference is {fixed(row['spearman'])} over "
        f"{row['tasks']} tasks, {p_is(row['p'])} (permutation test)."
    )


def _verdicts(known: pd.DataFrame) -> list[Verdict]:
    """Whether LayerNorm falls behind as tasks grow: a trend, or none that so many tasks can show."""
    asked = [method for method in ASKED if method in set(known["method"])]
    if not asked:
        return []
    row = known.set_index("method", drop=False).loc[asked[0]]
    ruling = NOT_DECIDABLE
    if row["p"] < LEVEL:
        ruling = SUPPORTED if row["spearman"] < 0 else NOT_SUPPORTED
    return [Verdict("task-size", ruling, trend_sentence(row), "task_size")]
