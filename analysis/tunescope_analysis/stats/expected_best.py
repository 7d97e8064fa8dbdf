"""The best score to expect of a budget of trials: expected validation performance."""

import numpy as np


def expected_best(scores: np.ndarray, chosen_by: np.ndarray | None = None) -> np.ndarray:
    """Expected score of the best of n trials drawn without replacement, for n = 1 to all: unbiased, `[n]`.

    Sum over i of C(i − 1, n − 1) / C(N, n) times the i-th smallest score (Dodge et al. 2019, arXiv
    1909.03004, corrected by Tang et al. 2020, arXiv 2004.13705). The best is the one with the highest
    `chosen_by`, by default the score itself.
    """
    ordered = scores[np.argsort(scores if chosen_by is None else chosen_by, kind="stable")]
    total, places = len(ordered), np.arange(1, len(ordered) + 1)
    weights, expected = np.full(total, 1 / total), np.empty(total)
    for n in places:
        expected[n - 1] = weights @ ordered
        # the next weights by recurrence: binomials of a thousand trials are beyond a float
        weights = weights * (places - n) / max(total - n, 1) * (n + 1) / n
    return expected
