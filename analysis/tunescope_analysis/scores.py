"""Scores: from the trials to one line a task and method."""

import numpy as np
import pandas as pd
import xarray as xr

from tunescope_analysis.io.columns import trial_frame
from tunescope_analysis.io.vocabulary import order_tasks
from tunescope_analysis.stats.paired import student_interval
from tunescope_analysis.stats.thresholds import MARGIN

COLUMNS = [
    "task", "method", "metric", "learning_rate", "mean", "standard_deviation", "seeds",
    "trials", "state", "trainable_parameters", "total_parameters",
]  # fmt: skip
CORRELATIONS = ("matthews", "pearson", "spearman")


def best_trials(trials: xr.Dataset) -> pd.DataFrame:
    """The finished trials at the best learning rate of their task and method, one row a seed.

    The best learning rate, of those with a finished trial, has the highest mean score, in which a trial that
    diverged counts as 0; of equals, the smallest (our choice). It is chosen on the dev set, the one that is
    reported, as GLUE papers do.
    """
    frame = trial_frame(trials)
    done = frame[(frame["state"] == "done") & np.isfinite(frame["score"].astype(float))]
    keys = ["task", "method", "learning_rate"]
    ended = pd.concat([done, frame[frame["state"] == "diverged"].assign(score=0.0)])
    means = ended.groupby(keys, as_index=False)["score"].mean().merge(done[keys].drop_duplicates())
    means = means.sort_values(keys)
    best = means.loc[means.groupby(["task", "method"])["score"].idxmax(), keys] if len(means) else means[keys]
    chosen = pd.MultiIndex.from_frame(done[keys]).isin(pd.MultiIndex.from_frame(best))
    return done[chosen]


def score_table(trials: xr.Dataset) -> pd.DataFrame:
    """One row a task and method that the file has, finished or not; tasks in GLUE's order.

    `mean` and `standard_deviation` (n − 1 in the denominator; NaN for one seed) are fractions over the
    `seeds` finished trials at the best `learning_rate`; NaN where none finished. `trials` counts all trials
    of the pair, `state` is their most frequent state, `trainable_parameters` their median in scalars.
    """
    frame = trial_frame(trials)
    best = best_trials(trials)
    rows = [
        _summarise(group, best[(best["task"] == task) & (best["method"] == method)])
        for (task, method), group in frame.groupby(["task", "method"])
    ]
    table = pd.DataFrame(rows, columns=COLUMNS)
    return _in_order(table)


def tasks_learned(trials: xr.Dataset, method: str) -> set[str]:
    """Tasks on which a method's mean is better by more than `MARGIN` than learning nothing.

    Nothing learned is the mean of `head`, which leaves the model as it is, or a correlation of 0. Tasks where
    the file tells neither count as learned.
    """
    table = score_table(trials)
    heads = table[table["method"] == "head"].set_index("task")["mean"]
    own = table[(table["method"] == method) & table["mean"].notna()]
    nothing = own["task"].map(heads).fillna(own["metric"].isin(CORRELATIONS).map({True: 0.0, False: np.nan}))
    return set(own["task"][~(own["mean"] <= nothing + MARGIN)])


def diverged_trials(trials: xr.Dataset, method: str) -> pd.DataFrame:
    """A method's trials that diverged at the best learning rate of their task; at any where none finished."""
    frame, best = trial_frame(trials), best_trials(trials)
    rates = best[best["method"] == method].groupby("task")["learning_rate"].first()
    own = frame[(frame["method"] == method) & (frame["state"] == "diverged")]
    chosen = own["task"].map(rates)
    return own[chosen.isna() | (own["learning_rate"] == chosen)]


def learned_by_either(trials: xr.Dataset, first: str, second: str) -> set[str]:
    """Tasks on which one of two methods has learned something: on others all methods are alike."""
    return tasks_learned(trials, first) | tasks_learned(trials, second)


def glue_average(table: pd.DataFrame) -> pd.Series:
    """Mean over tasks of a method's mean scores, a fraction, indexed by method.

    Only methods with a score on every task of the file are listed: a mean over fewer tasks would not compare.
    """
    means = table.pivot(index="method", columns="task", values="mean") if len(table) else pd.DataFrame()
    complete = means.dropna(axis="index", how="any")
    return complete.mean(axis="columns").rename("average")


def method_parameters(table: pd.DataFrame) -> pd.DataFrame:
    """Trainable and total parameters in scalars a method: medians over tasks, the most trainable first."""
    columns = ["trainable_parameters", "total_parameters"]
    medians = table.groupby("method")[columns].median()
    return medians.loc[order_methods(table)]


def average_table(trials: xr.Dataset, head_size: float = np.nan) -> pd.DataFrame:
    """A row a method, the most trainable first: its size and its average score over all tasks of the file.

    `trainable_parameters` and `total_parameters` in scalars; `share` of all, and `share_without_head`, which
    is what papers print, for a head of `head_size` scalars. `average` is a fraction, NaN where a task is
    missing; `low` and `high` are a 95 % Student interval about it, as wide as the `seeds` that have every
    task say (each seed's average over tasks is one observation), NaN below two of them, or where they are
    all alike.
    """
    table, best = score_table(trials), best_trials(trials)
    frame = method_parameters(table).rename_axis("method").reset_index()
    trainable, total = frame["trainable_parameters"], frame["total_parameters"].replace(0, np.nan)
    average = glue_average(table).reindex(frame["method"]).to_numpy(float)
    by_seed = [_seed_averages(best[best["method"] == method], table["task"].nunique())
               for method in frame["method"]]  # fmt: skip
    half = np.array([np.ptp(student_interval(averages, 0.95)) / 2 for averages in by_seed])
    return frame.assign(
        share=trainable / total,
        share_without_head=(trainable - head_size) / (total - head_size),
        average=average,
        low=average - half,
        high=average + half,
        seeds=[len(averages) for averages in by_seed],
    )


def order_methods(table: pd.DataFrame) -> list[str]:
    """The methods from the most trainable parameters to the fewest, equals by name."""
    medians = table.groupby("method")["trainable_parameters"].median()
    return sorted(medians.index, key=lambda method: (-medians[method], method))


def _seed_averages(best: pd.DataFrame, tasks: int) -> np.ndarray:
    """A method's average over tasks, of each seed that has them all."""
    seeds = best.groupby("seed")["score"].agg(["mean", "count"])
    averages: np.ndarray = seeds.loc[seeds["count"] == tasks, "mean"].to_numpy(float)
    return averages


def _summarise(group: pd.DataFrame, best: pd.DataFrame) -> dict[str, object]:
    scores = best["score"].astype(float)
    first = group.iloc[0]
    return {
        "task": first["task"],
        "method": first["method"],
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
    counts = values[values != ""].value_counts()
    return min(counts.index[counts == counts.max()]) if len(counts) else ""


def _in_order(table: pd.DataFrame) -> pd.DataFrame:
    tasks = {task: place for place, task in enumerate(order_tasks(table["task"]))}
    methods = {method: place for place, method in enumerate(order_methods(table))}
    places = pd.DataFrame({"task": table["task"].map(tasks), "method": table["method"].map(methods)})
    return table.loc[places.sort_values(["task", "method"]).index].reset_index(drop=True)
