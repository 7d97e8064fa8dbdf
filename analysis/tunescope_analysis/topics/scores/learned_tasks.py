"""On which tasks a method has learned anything: on the others every comparison is one of equals."""

import numpy as np
import pandas as pd
import xarray as xr

from tunescope_analysis.io.columns import trial_frame
from tunescope_analysis.io.vocabulary import REFERENCE_METHOD, order_tasks
from tunescope_analysis.report.formatting import join_words
from tunescope_analysis.report.section import Section
from tunescope_analysis.stats.thresholds import MARGIN
from tunescope_analysis.topics.scores.table import best_trials, score_table

CORRELATION_METRICS = ("matthews", "pearson", "spearman")


def tasks_learned(table: pd.DataFrame, method: str) -> set[str]:
    """Tasks of a score table on which a method's mean is better by more than `MARGIN` than learning nothing.

    Nothing learned is the mean of `head`, which leaves the model as it is, or a correlation of 0. A task on
    which the file tells neither counts as learned.
    """
    heads = table[table["method"] == "head"].set_index("task")["mean"]
    own = table[(table["method"] == method) & table["mean"].notna()]
    of_correlation = own["metric"].isin(CORRELATION_METRICS).map({True: 0.0, False: np.nan})
    # Where no task is left, pandas with pyarrow makes a column of text of it.
    nothing = own["task"].map(heads).fillna(of_correlation).astype(float)
    return set(own["task"][~(own["mean"] <= nothing + MARGIN)])


def learned_by_either(table: pd.DataFrame, first: str, second: str) -> set[str]:
    """Tasks of a score table on which one of two methods has learned something: on others all are alike."""
    return tasks_learned(table, first) | tasks_learned(table, second)


def diverged_trials(trials: xr.Dataset, method: str) -> pd.DataFrame:
    """A method's trials that diverged at the best learning rate of their task; at any if none finished."""
    frame, best = trial_frame(trials), best_trials(trials)
    rates = best[best["method"] == method].groupby("task")["learning_rate"].first()
    own = frame[(frame["method"] == method) & (frame["state"] == "diverged")]
    chosen = own["task"].map(rates)
    return own[chosen.isna() | (own["learning_rate"] == chosen)]


def add_unlearned_tasks(section: Section, trials: xr.Dataset) -> None:
    """Name the tasks on which `full` has scores and has learned nothing, if there are any."""
    table = score_table(trials)
    tasks = table.loc[(table["method"] == REFERENCE_METHOD) & table["mean"].notna(), "task"]
    unlearned = set(tasks) - tasks_learned(table, REFERENCE_METHOD)
    if unlearned:
        named = join_words([task for task in order_tasks(tasks) if task in unlearned])
        section.add_paragraph(
            f"On {named} {REFERENCE_METHOD} has learned nothing: only methods that have are compared there."
        )
