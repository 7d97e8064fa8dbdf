"""Scores: from the trials to one line per task and method."""

from collections import Counter

import numpy as np
import pandas as pd
import xarray as xr

from tunescope_analysis.io.columns import trial_frame
from tunescope_analysis.io.vocabulary import averaged_tasks, order_tasks
from tunescope_analysis.stats.bootstrap import MIN_SEEDS
from tunescope_analysis.stats.hypothesis_tests import holm, welch
from tunescope_analysis.stats.thresholds import LEVEL

SCORE_COLUMNS = [
    "task", "method", "metric", "learning_rate", "mean", "standard_deviation", "seeds",
    "trials", "state", "trainable_parameters", "total_parameters",
]  # fmt: skip


def best_trials(trials: xr.Dataset) -> pd.DataFrame:
    """The finished trials at the best learning rate of their task and method, a row per seed.

    It is chosen by the selection score: on the examples that the job set aside for it, by default on the dev
    set, the one that is reported, as GLUE papers do.
    """
    return at_best_rate(trial_frame(trials), "selection_score")


def at_best_rate(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    """The finished trials at the learning rate, of their task and method, that is best by a column.

    The best learning rate, of those with a finished trial, has the highest mean, in which a trial that
    diverged counts as 0; of equals, the smallest (our choice). Where screening chose learning rates, it is
    one of those.
    """
    frame = frame[~frame["is_screened_out"]]
    has_scores = np.isfinite(frame[["score", column]].astype(float)).all(axis="columns")
    done = frame[(frame["state"] == "done") & has_scores]
    keys = ["task", "method", "learning_rate"]
    ended = pd.concat([done, frame[frame["state"] == "diverged"].assign(**{column: 0.0})])
    means = ended.groupby(keys, as_index=False)[column].mean().merge(done[keys].drop_duplicates())
    means = means.sort_values(keys)
    best = means.loc[means.groupby(["task", "method"])[column].idxmax(), keys] if len(means) else means[keys]
    chosen = pd.MultiIndex.from_frame(done[keys]).isin(pd.MultiIndex.from_frame(best))
    return done[chosen]


def score_table(trials: xr.Dataset) -> pd.DataFrame:
    """A row per task and method that the file has, finished or not; tasks in GLUE's order.

    `mean` and `standard_deviation` (n − 1 in the denominator; NaN for one seed) are fractions over the
    `seeds` finished trials at the best `learning_rate`; NaN if none finished. `trials` counts all trials
    of the pair, `state` is their most frequent state, `trainable_parameters` their median in scalars.
    """
    frame = trial_frame(trials)
    best = best_trials(trials)
    pair = ["task", "method"]
    chosen = dict(iter(best.groupby(pair)))
    rows = [
        dict(zip(pair, key, strict=True)) | _summarize(group, chosen.get(key, best.iloc[:0]))
        for key, group in frame.groupby(pair)
    ]
    table = pd.DataFrame(rows, columns=SCORE_COLUMNS)
    return order_rows(table)


def glue_average(table: pd.DataFrame) -> pd.Series:
    """Mean over `averaged_tasks` of a method's mean scores, a fraction, indexed by method.

    Only methods with a score on every one of them are listed: a mean over fewer tasks would not compare.
    """
    own = table[table["task"].isin(averaged_tasks(table["task"]))]
    means = own.pivot(index="method", columns="task", values="mean") if len(own) else pd.DataFrame()
    complete = means.dropna(axis="index", how="any")
    return complete.mean(axis="columns").rename("average")


def order_methods(table: pd.DataFrame) -> list[str]:
    """The methods from the most trainable parameters to the fewest, equals by name."""
    medians = table.groupby("method")["trainable_parameters"].median()
    return sorted(medians.index, key=lambda method: (-medians[method], method))


def _summarize(group: pd.DataFrame, best: pd.DataFrame) -> dict[str, object]:
    scores = best["score"].astype(float)
    return {
        "metric": _most_frequent(group["metric"]),
        "learning_rate": best["learning_rate"].iloc[0] if len(best) else np.nan,
        "mean": scores.mean() if len(best) else np.nan,
        "standard_deviation": scores.std(ddof=1) if len(best) > 1 else np.nan,
        "seeds": len(best),
        "trials": len(group),
        "state": _most_frequent(group["state"]),
        "trainable_parameters": group["trainable_parameters"].median(),
        "total_parameters": group["total_parameters"].median(),
    }


def _most_frequent(values: pd.Series) -> str:
    """The most frequent text that is not empty; of equals, the first in the alphabet."""
    counts = Counter(value for value in values if value)
    most = max(counts.values(), default=0)
    return min((value for value, count in counts.items() if count == most), default="")


def order_rows(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of tasks and methods in the order of both: GLUE's, and that of `order_methods`."""
    tasks = {task: place for place, task in enumerate(order_tasks(table["task"]))}
    methods = {method: place for place, method in enumerate(order_methods(table))}
    places = pd.DataFrame({"task": table["task"].map(tasks), "method": table["method"].map(methods)})
    return table.loc[places.sort_values(["task", "method"]).index].reset_index(drop=True)


def tied_with_best(trials: xr.Dataset) -> set[tuple[str, str]]:
    """Tasks and methods whose seeds cannot be told from those of the task's best method.

    Welch's t test, Holm's correction over the task's other methods, 0.05. The best itself is not listed, nor
    methods with one seed.
    """
    best = best_trials(trials)
    tied = set()
    for task, group in best.groupby("task"):
        scores = {str(method): rows["score"].to_numpy(float) for method, rows in group.groupby("method")}
        leader = max(scores, key=lambda method: float(scores[method].mean()))
        others = [m for m in scores if m != leader and min(len(scores[m]), len(scores[leader])) >= MIN_SEEDS]
        adjusted = holm(np.array([welch(scores[leader], scores[method]) for method in others]))
        tied |= {(str(task), method) for method, p in zip(others, adjusted, strict=True) if not p < LEVEL}
    return tied
