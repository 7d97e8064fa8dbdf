"""What score to expect from a budget of trials: expected validation performance."""

import numpy as np
import pandas as pd
import xarray as xr

from tunescope_analysis.scores import trial_frame


def expected_best(scores: np.ndarray) -> np.ndarray:
    """Expected best of n trials drawn without replacement, for n = 1 to all: unbiased, `[n]`.

    Sum over i of C(i − 1, n − 1) / C(N, n) times the i-th smallest score (Dodge et al. 2019, arXiv
    1909.03004, corrected by Tang et al. 2020, arXiv 2004.13705).
    """
    ordered = np.sort(scores)
    total, places = len(ordered), np.arange(1, len(ordered) + 1)
    weights, expected = np.full(total, 1 / total), np.empty(total)
    for n in places:
        expected[n - 1] = weights @ ordered
        # the next weights by recurrence: binomials of a thousand trials are beyond a float
        weights = weights * (places - n) / max(total - n, 1) * (n + 1) / n
    return expected


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
