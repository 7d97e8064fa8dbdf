"""Paired comparisons of two methods: intervals, tests of difference and of equivalence."""

import numpy as np
from scipy import stats
from statsmodels.stats.weightstats import ttost_paired

from tunescope_analysis.stats.signed_rank import signed_rank
from tunescope_analysis.stats.thresholds import LEVEL, MARGIN, NO_SPREAD


def student_interval(values: np.ndarray, level: float) -> tuple[float, float]:
    """Student's interval of the mean; NaN below two values, or if they have no spread, by luck."""
    if values.size < 2 or np.ptp(values) < NO_SPREAD:
        return np.nan, np.nan
    low, high = stats.t.interval(level, values.size - 1, values.mean(), stats.sem(values))
    return float(low), float(high)


def equivalence_p(first: np.ndarray, second: np.ndarray) -> float:
    """p of two one-sided paired t tests: it is small if the mean difference lies within ± `MARGIN`.

    NaN below two pairs, or if all differences are equal: so few pairs do not tell how much they spread.
    """
    differences = np.asarray(first) - np.asarray(second)
    if differences.size < 2 or np.ptp(differences) < NO_SPREAD:
        return np.nan
    return float(ttost_paired(np.asarray(first), np.asarray(second), -MARGIN, MARGIN)[0])


def mean_difference(
    first: np.ndarray, second: np.ndarray, comparisons: int = 1
) -> tuple[float, float, float]:
    """The mean difference of pairs `[pair]`, and both ends of its interval.

    The interval lies inside ± `MARGIN` exactly if `equivalence_p` is below `LEVEL`, divided by the number of
    `comparisons` (Bonferroni). Its ends are NaN as `equivalence_p` is, the mean without any pair.
    """
    differences = first - second
    mean = float(differences.mean()) if differences.size else np.nan
    return mean, *student_interval(differences, 1 - 2 * LEVEL / comparisons)


def compare_pairs(first: np.ndarray, second: np.ndarray) -> dict[str, float]:
    """Difference, interval and tests of pairs of scores, `[pair]` each."""
    test = signed_rank(first - second)
    mean, low, high = mean_difference(first, second)
    return {
        "pairs": len(first),
        "mean_difference": mean,
        "low": low,
        "high": high,
        "p": test.p,
        "smallest_p": test.smallest,
        "equivalence_p": equivalence_p(first, second),
    }
