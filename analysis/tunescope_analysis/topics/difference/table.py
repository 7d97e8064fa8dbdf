"""Which scores moved from one result file to another."""

import numpy as np
import pandas as pd
import xarray as xr

from tunescope_analysis.io.vocabulary import order_tasks
from tunescope_analysis.stats.hypothesis_tests import holm, welch
from tunescope_analysis.stats.thresholds import LEVEL
from tunescope_analysis.topics.scores.table import best_trials, score_table

MOVED, WITHIN, IDENTICAL, UNKNOWN = "moved", "within seed noise", "identical", "seeds cannot tell"
ONE_FILE, UNFINISHED = "in one file only", "not finished in both files"


def moved_scores(first: xr.Dataset, second: xr.Dataset) -> pd.DataFrame:
    """Which scores moved from one file to the other: a row a task and method of either.

    Seeds at each one's best learning rate, Welch's t test (for another version need not give seed by seed
    the same), Holm's correction over all rows. `verdict` is one of the constants of this module. Scores that
    moved come first.
    """
    columns = ["task", "method", "learning_rate", "mean", "seeds"]
    tables = [score_table(trials)[columns] for trials in (first, second)]
    joined = tables[0].merge(tables[1], on=["task", "method"], how="outer", suffixes=("_first", "_second"))
    samples = [best_trials(trials) for trials in (first, second)]
    tests = [
        _compare(samples, str(row.task), str(row.method))
        if np.isfinite([row.seeds_first, row.seeds_second]).all()
        else (np.nan, ONE_FILE)
        for row in joined.itertuples()
    ]
    frame = joined.assign(
        difference=joined["mean_second"] - joined["mean_first"],
        p=[p for p, _ in tests],
        verdict=[verdict for _, verdict in tests],
    )
    frame["holm_p"] = holm(frame["p"].to_numpy(float))
    frame.loc[frame["holm_p"] < LEVEL, "verdict"] = MOVED
    tasks = {task: place for place, task in enumerate(order_tasks(frame["task"]))}
    order = pd.DataFrame({"is_still": frame["verdict"] != MOVED, "task": frame["task"].map(tasks)})
    return frame.loc[order.sort_values(["is_still", "task"], kind="stable").index].reset_index(drop=True)


def _compare(samples: list[pd.DataFrame], task: str, method: str) -> tuple[float, str]:
    """Welch's p where it is defined, and the verdict before correction."""
    first, second = (
        best.loc[(best["task"] == task) & (best["method"] == method), ["seed", "score"]].sort_values("seed")
        for best in samples
    )
    if first.empty or second.empty:
        return np.nan, UNFINISHED
    if np.array_equal(first.to_numpy(float), second.to_numpy(float)):
        return np.nan, IDENTICAL
    if min(len(first), len(second)) < 2:
        return np.nan, UNKNOWN
    p = welch(first["score"].to_numpy(float), second["score"].to_numpy(float))
    return p, UNKNOWN if np.isnan(p) else WITHIN
