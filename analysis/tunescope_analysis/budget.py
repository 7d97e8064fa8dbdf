"""What score to expect from a budget of trials: expected validation performance."""

import pandas as pd
import xarray as xr

from tunescope_analysis.io.columns import trial_frame
from tunescope_analysis.stats.expected_best import expected_best


def budget_table(trials: xr.Dataset) -> pd.DataFrame:
    """Expected best dev score of n trials over learning rates and seeds: a row a task, method and n.

    A diverged trial counts as a score of 0 (our choice): it costs its share and gives nothing. Failed ones
    are left out.
    """
    frame = trial_frame(trials)
    frame = frame[frame["state"].isin(["done", "diverged"])]
    rows = []
    for (task, method), group in frame.groupby(["task", "method"], sort=False):
        scores = group["score"].astype(float).where(group["state"] == "done", 0.0).dropna().to_numpy()
        if (group["state"] == "done").any() and len(scores) > 1:
            expected = expected_best(scores)
            rows += [(task, method, n, value) for n, value in enumerate(expected, 1)]
    return pd.DataFrame(rows, columns=["task", "method", "trials", "expected"])
