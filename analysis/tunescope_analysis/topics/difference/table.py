"""Which scores moved from one result file to another."""

from enum import StrEnum

import numpy as np
import pandas as pd
import xarray as xr

from tunescope_analysis.io.vocabulary import order_tasks
from tunescope_analysis.stats.hypothesis_tests import holm, welch
from tunescope_analysis.stats.thresholds import LEVEL
from tunescope_analysis.topics.scores.table import best_trials, score_table


class Movement(StrEnum):
    """Whether a score moved from one file to the other."""

    MOVED = "moved"
    WITHIN_NOISE = "within seed noise"
    IDENTICAL = "identical"
    UNDECIDABLE = "seeds cannot tell"
    IN_ONE_FILE = "in one file only"
    UNFINISHED = "not finished in both files"


def moved_scores(first: xr.Dataset, second: xr.Dataset) -> pd.DataFrame:
    """Which scores moved from one file to the other: a row per task and method of either.

    Seeds at each one's best learning rate are compared by Welch's t test, for another version need not give
    the same seed by seed; Holm's correction is over all rows. `verdict` is a `Movement`. Scores that moved
    come first.
    """
    columns = ["task", "method", "learning_rate", "mean", "seeds"]
    tables = [score_table(trials)[columns] for trials in (first, second)]
    joined = tables[0].merge(tables[1], on=["task", "method"], how="outer", suffixes=("_first", "_second"))
    samples = [best_trials(trials) for trials in (first, second)]
    tests = [
        _compare(samples, str(row.task), str(row.method))
        if np.isfinite([row.seeds_first, row.seeds_second]).all()
        else (np.nan, Movement.IN_ONE_FILE)
        for row in joined.itertuples()
    ]
    frame = joined.assign(
        difference=joined["mean_second"] - joined["mean_first"],
        p=[p for p, _ in tests],
        verdict=[verdict for _, verdict in tests],
    )
    frame["holm_p"] = holm(frame["p"].to_numpy(float))
    frame.loc[frame["holm_p"] < LEVEL, "verdict"] = Movement.MOVED
    tasks = {task: place for place, task in enumerate(order_tasks(frame["task"]))}
    order = pd.DataFrame({"is_still": frame["verdict"] != Movement.MOVED, "task": frame["task"].map(tasks)})
    return frame.loc[order.sort_values(["is_still", "task"], kind="stable").index].reset_index(drop=True)


def _compare(samples: list[pd.DataFrame], task: str, method: str) -> tuple[float, Movement]:
    """Welch's p if it is defined, and the verdict before correction."""
    first, second = (
        best.loc[(best["task"] == task) & (best["method"] == method), ["seed", "score"]].sort_values("seed")
        for best in samples
    )
    if first.empty or second.empty:
        return np.nan, Movement.UNFINISHED
    if np.array_equal(first.to_numpy(float), second.to_numpy(float)):
        return np.nan, Movement.IDENTICAL
    if min(len(first), len(second)) < 2:
        return np.nan, Movement.UNDECIDABLE
    p = welch(first["score"].to_numpy(float), second["score"].to_numpy(float))
    return p, Movement.UNDECIDABLE if np.isnan(p) else Movement.WITHIN_NOISE
