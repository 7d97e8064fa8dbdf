"""Wilcoxon's signed-rank test, exact for few pairs also if they have ties."""

from dataclasses import dataclass

import numpy as np
from scipy import stats

EXACT_PAIRS = 14  # our choice: with ties, up to 2^14 sign patterns are all looked at
SIGN_PATTERNS = 99_999  # random ones, if not all are looked at


@dataclass(frozen=True)
class SignedRank:
    """Wilcoxon's signed-rank test, two-sided, of differences that may be zero.

    `pairs` counts the differences that are not zero; zeros say nothing about a direction and are left out.
    `smallest` is the smallest p that so many pairs can reach. Without any difference both are 1; NaN without
    pairs.
    """

    p: float
    pairs: int
    smallest: float
    is_exact: bool = True


def signed_rank(differences: np.ndarray) -> SignedRank:
    """The test; exact by SciPy's table, or with ties by all sign patterns, up to `EXACT_PAIRS` pairs.

    With ties among more pairs p comes from `SIGN_PATTERNS` random sign patterns of a fixed seed.
    """
    # equal up to rounding is a tie: differences of fractions such as 0.7 − 0.69 differ in their last bits
    values = np.round(np.asarray(differences, dtype=float), 12)
    values = values[np.isfinite(values)]
    if values.size == 0:
        return SignedRank(np.nan, 0, np.nan)
    values = values[values != 0]
    if values.size == 0:
        return SignedRank(1.0, 0, 1.0)
    smallest = min(1.0, 2.0 ** (1 - values.size))
    has_ties = np.unique(np.abs(values)).size < values.size
    if not has_ties:
        p = stats.wilcoxon(values, method="exact").pvalue
        return SignedRank(float(p), values.size, smallest)
    is_exact = values.size <= EXACT_PAIRS
    method = stats.PermutationMethod(
        n_resamples=2**values.size if is_exact else SIGN_PATTERNS, rng=np.random.default_rng(0)
    )
    return SignedRank(float(stats.wilcoxon(values, method=method).pvalue), values.size, smallest, is_exact)
