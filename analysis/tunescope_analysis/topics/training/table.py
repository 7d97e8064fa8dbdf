"""How training went: learning rates, curves, spread over seeds, diverged trials, budgets."""

import numpy as np
import pandas as pd
import xarray as xr

from tunescope_analysis.io.columns import column_frame, trial_frame
from tunescope_analysis.stats.expected_best import expected_best
from tunescope_analysis.topics.scores.table import best_trials


def rate_table(trials: xr.Dataset) -> pd.DataFrame:
    """A row per task, method and learning rate: mean and standard deviation of scores, seeds, `diverged`."""
    frame = trial_frame(trials)
    keys = ["task", "method", "learning_rate"]
    score = frame["score"].astype(float).where(frame["state"] == "done")
    groups = frame.assign(score=score, is_diverged=frame["state"] == "diverged").groupby(keys)
    table = groups["score"].agg(mean="mean", standard_deviation="std", seeds="count")
    return table.assign(trials=groups.size(), diverged=groups["is_diverged"].sum()).reset_index()


def learning_curves(evaluations: xr.Dataset, trials: xr.Dataset) -> pd.DataFrame:
    """The primary metric over epochs at the best learning rate: a row per task, method and epoch.

    `mean` and `standard_deviation` over seeds. Epochs are rounded to hundredths, so that seeds meet.
    """
    chosen = best_trials(trials)[["task", "method", "metric"]]
    rows = column_frame(evaluations, "row")
    rows = rows[rows["trial"].isin(chosen.index)].join(chosen, on="trial")
    score = pd.Series(np.nan, index=rows.index)
    for metric in rows["metric"].unique():
        if metric in rows:
            score = score.where(rows["metric"] != metric, rows[metric])
    rows = rows.assign(score=score, epoch=rows["epoch"].round(2)).dropna(subset=["score"])
    groups = rows.groupby(["task", "method", "epoch"])["score"]
    return groups.agg(mean="mean", standard_deviation="std", seeds="count").reset_index()


def seed_scores(trials: xr.Dataset) -> pd.DataFrame:
    """The scores behind the score table: a row per task, method and seed at the best learning rate."""
    columns = ["task", "method", "learning_rate", "seed", "score"]
    return best_trials(trials)[columns].sort_values(["task", "method", "seed"]).reset_index(drop=True)


def diverged_table(rates: pd.DataFrame) -> pd.DataFrame:
    """The learning rates at which any trial diverged, most diverged first."""
    some = rates[rates["diverged"] > 0]
    return some.sort_values("diverged", ascending=False, kind="stable").reset_index(drop=True)


def budget_table(trials: xr.Dataset) -> pd.DataFrame:
    """Expected score of the best of n trials over learning rates and seeds: a row per task, method and n.

    The best is chosen by the selection score. A diverged trial counts as a score of 0 (our choice): it costs
    its share and gives nothing. Failed ones are left out, and pairs whose learning rates were screened, whose
    trials are not drawn at random.
    """
    frame = trial_frame(trials)
    frame = frame[frame["state"].isin(["done", "diverged"])]
    rows = []
    for (task, method), group in frame.groupby(["task", "method"], sort=False):
        if group["is_screened_out"].any():
            continue
        scores = group[["score", "selection_score"]].astype(float)
        scores = scores.where(group["state"] == "done", 0.0).dropna()
        if (group["state"] == "done").any() and len(scores) > 1:
            expected = expected_best(scores["score"].to_numpy(), scores["selection_score"].to_numpy())
            rows += [(task, method, n, value) for n, value in enumerate(expected, 1)]
    return pd.DataFrame(rows, columns=["task", "method", "trials", "expected"])
