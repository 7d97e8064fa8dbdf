"""Welch's test of two samples, and Holm's correction of many tests."""

import warnings

import numpy as np
from scipy import stats
from statsmodels.stats.multitest import multipletests

from tunescope_analysis.stats.thresholds import NO_SPREAD


def welch(first: np.ndarray, second: np.ndarray) -> float:
    """p of Welch's t test; if neither sample has any spread, 1 for equal means and NaN for others."""
    if np.ptp(first) < NO_SPREAD and np.ptp(second) < NO_SPREAD:
        return 1.0 if abs(first[0] - second[0]) < NO_SPREAD else np.nan
    with warnings.catch_warnings():  # one sample without spread is no trouble
        warnings.simplefilter("ignore", RuntimeWarning)
        return float(stats.ttest_ind(first, second, equal_var=False).pvalue)


def holm(p: np.ndarray) -> np.ndarray:
    """Holm's adjusted p values; NaN stays, and does not count."""
    adjusted = np.array(p, dtype=float)
    is_known = np.isfinite(adjusted)
    if is_known.any():
        adjusted[is_known] = multipletests(adjusted[is_known], method="holm")[1]
    return adjusted
