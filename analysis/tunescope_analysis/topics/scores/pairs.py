"""Scores of two methods, paired by task and seed."""

import pandas as pd
import xarray as xr

from tunescope_analysis.topics.scores.table import best_trials


def paired_scores(trials: xr.Dataset, first: str, second: str) -> pd.DataFrame:
    """Scores of two methods, a row per task and seed that both have, each at its own best learning rate.

    Columns `task`, `seed`, `first`, `second`, `difference` (first − second, fractions).
    """
    best = best_trials(trials)
    columns = ["task", "seed", "score"]
    own = best.loc[best["method"] == first, columns].rename(columns={"score": "first"})
    other = best.loc[best["method"] == second, columns].rename(columns={"score": "second"})
    frame = own.merge(other, on=["task", "seed"], how="inner").sort_values(["task", "seed"])
    return frame.assign(difference=frame["first"] - frame["second"]).reset_index(drop=True)
