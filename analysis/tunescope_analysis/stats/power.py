"""Which difference a paired test can show: the smallest that it finds in `POWER` of all repetitions.

Card et al. 2020, "With Little Power Comes Great Responsibility" (arXiv 2010.06595), on why to ask before
judging. Differences are normal here, and counted in their standard deviation. docs/power.md has the formulas.
"""

from functools import lru_cache

import numpy as np
from scipy import optimize, stats
from statsmodels.stats.power import TTestPower

from tunescope_analysis.stats.thresholds import LEVEL

POWER = 0.8
DRAWS = 5000  # samples by which the power of Wilcoxon's test is found


def detectable_difference(pairs: int, seed_deviation: float) -> float:
    """The smallest true difference that a paired t test shows, two-sided at `LEVEL`, in the unit of scores.

    `seed_deviation` is the standard deviation of scores between seeds of one task and method. Two methods'
    seeds are independent, so a pair's difference has √2 times that. NaN below two pairs.
    """
    return float(t_effect(pairs) * np.sqrt(2) * seed_deviation)


def t_effect(pairs: int, alternative: str = "two-sided") -> float:
    """The same of a paired t test, in standard deviations of the differences; `larger` is one-sided.

    The one-sided one is also the smallest margin within which it shows that two equal methods are as good.
    """
    if pairs < 2:
        return np.nan
    effect = TTestPower().solve_power(nobs=pairs, alpha=LEVEL, power=POWER, alternative=alternative)
    return float(np.ravel(effect)[0])


@lru_cache
def signed_rank_effect(pairs: int, comparisons: int = 1) -> float:
    """The same of Wilcoxon's signed-rank test, exact and two-sided, at the first step of Holm's correction.

    Infinite if no outcome of so many pairs is below `LEVEL` divided by the number of `comparisons`. By
    `DRAWS` normal samples of a fixed seed: their power is within 0.02 of the true one.
    """
    limit = _critical_sum(pairs, LEVEL / comparisons)
    if limit < 0:
        return np.inf
    noise = np.random.default_rng(0).standard_normal((DRAWS, pairs))
    return float(optimize.brentq(lambda effect: _power(noise + effect, limit) - POWER, 0, 10, xtol=1e-3))


def _power(differences: np.ndarray, limit: int) -> float:
    """In how many samples `[sample, pair]` one of the rank sums is no larger than the limit."""
    ranks = stats.rankdata(np.abs(differences), axis=1)
    positive = np.where(differences > 0, ranks, 0).sum(axis=1)
    smaller = np.minimum(positive, ranks.sum(axis=1) - positive)
    return float((smaller <= limit).mean())


def _critical_sum(pairs: int, level: float) -> int:
    """The largest rank sum whose two-sided p is no more than `level`; −1 if none is."""
    chances = np.ones(1)
    for rank in range(1, pairs + 1):  # each rank is positive or negative with the same chance
        chances = (np.pad(chances, (0, rank)) + np.pad(chances, (rank, 0))) / 2
    return int(np.searchsorted(2 * np.cumsum(chances), level, side="right")) - 1
