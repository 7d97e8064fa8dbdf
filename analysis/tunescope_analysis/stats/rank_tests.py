"""Do methods differ in rank over tasks? Friedman's test and Nemenyi's critical difference (Demšar 2006)."""

import warnings
from dataclasses import dataclass

import numpy as np
from scipy import stats

from tunescope_analysis.stats.thresholds import LEVEL

MIN_METHODS = 3


@dataclass(frozen=True)
class Friedman:
    """Friedman's test over tasks: do any methods differ in rank? `p` from the chi-square distribution.

    `smallest` is the p of the same order of methods on every task, which nothing can undercut.
    """

    statistic: float
    p: float
    smallest: float
    tasks: int
    methods: int


def average_ranks(scores: np.ndarray) -> np.ndarray:
    """Mean rank `[method]` of scores `[task, method]`: 1 is the best, equals share their mean rank."""
    return np.asarray(stats.rankdata(-scores, axis=1).mean(axis=0))


def friedman(scores: np.ndarray) -> Friedman | None:
    """Friedman's test of scores `[task, method]`; None below three methods or two tasks: it is undefined."""
    tasks, methods = scores.shape
    if methods < MIN_METHODS or tasks < 2:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        test = stats.friedmanchisquare(*scores.T)
    smallest = stats.chi2.sf(tasks * (methods - 1), methods - 1)
    return Friedman(float(test.statistic), float(test.pvalue), float(smallest), tasks, methods)


def critical_difference(methods: int, tasks: int, level: float = LEVEL) -> float:
    """Average ranks nearer than this do not differ at `level`: Nemenyi's test (Demšar 2006, 3.2.2)."""
    q = stats.studentized_range.ppf(1 - level, methods, np.inf) / np.sqrt(2)
    return float(q * np.sqrt(methods * (methods + 1) / (6 * tasks)))


def cliques(ranks: np.ndarray, difference: float) -> list[tuple[int, int]]:
    """First and last place of each longest run of ascending `ranks` that are nearer than `difference`."""
    ends = [int(np.searchsorted(ranks, rank + difference, side="right")) - 1 for rank in ranks]
    runs = [(start, end) for start, end in enumerate(ends) if end > start]
    return [(s, e) for s, e in runs if not any(a <= s and e <= b and (a, b) != (s, e) for a, b in runs)]
