"""Almost stochastic order: is one sample better than another at nearly every quantile?"""

import numpy as np
from scipy import stats

from tunescope_analysis.stats.thresholds import LEVEL

DRAWS = 1000
BETTER_BELOW = 0.2  # a bound below it counts as better (Ulmer et al. 2022, arXiv 2204.06815)
# By the number of seeds: how often either of two equal normal methods is called better; a test simulates it.
FALSE_ALARMS = {2: 0.34, 3: 0.20, 5: 0.11, 10: 0.07}
RELIABLE_SEEDS = 10  # our choice: from here on false alarms are about as rare as those of a test at 0.05
NO_DISTANCE = 0.5  # our choice: samples that are equal are in neither order


def violation_ratio(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """How much of the distance between two samples speaks against "first is better": 0 none, 1 all of it.

    `first` `[..., n]` and `second` `[..., m]` are samples in any order, leading dimensions alike. The ratio
    is the squared difference of the two quantile functions, integrated over the quantiles at which the second
    is above, divided by its whole integral (Del Barrio, Cuesta-Albertos, Matrán 2018, arXiv 1705.01788; Dror,
    Shlomov, Reichart 2019). It is exact, for quantile functions of samples are steps. The ratio of (second,
    first) is one minus this.
    """
    n, m = first.shape[-1], second.shape[-1]
    edges = np.unique(np.concatenate([np.arange(n + 1) / n, np.arange(m + 1) / m]))
    middles, widths = (edges[1:] + edges[:-1]) / 2, np.diff(edges)
    difference = (
        np.sort(first)[..., (middles * n).astype(int)] - np.sort(second)[..., (middles * m).astype(int)]
    )
    distance = (difference**2 * widths).sum(axis=-1)
    against = (np.minimum(difference, 0) ** 2 * widths).sum(axis=-1)
    is_apart = distance > 0
    return np.where(is_apart, against / np.where(is_apart, distance, 1.0), NO_DISTANCE)


def epsilon_bounds(first: np.ndarray, second: np.ndarray) -> tuple[float, float, float]:
    """The violation ratio of "first is better", and upper bounds of it and of its reverse at 1 − `LEVEL`.

    A bound is ε_min of Dror, Shlomov, Reichart (2019): ratio − σ Φ⁻¹(LEVEL), σ the standard deviation of the
    ratio over `DRAWS` bootstrap draws of both samples (a fixed seed), clipped to [0, 1].
    """
    rng = np.random.default_rng(0)
    ratio = float(violation_ratio(first, second))
    draws = [sample[rng.integers(sample.size, size=(DRAWS, sample.size))] for sample in (first, second)]
    margin = -violation_ratio(*draws).std() * stats.norm.ppf(LEVEL)
    forward, backward = np.clip([ratio + margin, 1 - ratio + margin], 0, 1)
    return ratio, float(forward), float(backward)
