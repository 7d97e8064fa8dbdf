"""Spearman's rank correlation of few observations."""

import numpy as np
from scipy import stats

MIN_PLACES = 3
PERMUTATIONS = 9999  # random pairings, if there are more than so many


def spearman(first: np.ndarray, second: np.ndarray) -> float:
    """Spearman's correlation over places that have both; NaN below three, or if either is all alike."""
    both = np.isfinite(first) & np.isfinite(second)
    first, second = first[both], second[both]
    is_defined = len(first) >= MIN_PLACES and np.ptp(first) > 0 and np.ptp(second) > 0
    return float(stats.spearmanr(first, second).statistic) if is_defined else np.nan


def permutation_spearman(first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """Spearman's correlation and its two-sided p over all pairings, or over `PERMUTATIONS` random ones.

    Exact up to seven observations; the t distribution does not hold for so few.
    """
    method = stats.PermutationMethod(n_resamples=PERMUTATIONS, rng=np.random.default_rng(0))
    ranks = stats.rankdata(first), stats.rankdata(second)  # of which Pearson's correlation is Spearman's
    test = stats.pearsonr(*ranks, method=method)
    return float(test.statistic), float(test.pvalue)
