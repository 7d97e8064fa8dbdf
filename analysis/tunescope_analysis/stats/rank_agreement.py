"""How alike two rankings are: Spearman, Kendall tau-b, Jaccard of the tops, rank-biased overlap."""

from functools import lru_cache
from itertools import combinations

import numpy as np
from scipy import stats

AGREEMENTS = ("spearman", "kendall", "jaccard", "rank_biased_overlap")
TOP_FRACTION = 0.2  # our choice: the fraction that the `fisher` methods of the shipped jobs train
KENDALL_ITEMS = 20_000  # our choice: from more, a fixed random sample, for its cost grows with every pair


def top_count(items: int, fraction: float) -> int:
    """How many items a fraction is: rounded, halves up, at least one, as the `fisher` methods choose."""
    return max(1, int(np.floor(fraction * items + 0.5)))


def top_mask(values: np.ndarray, fraction: float = TOP_FRACTION) -> np.ndarray:
    """Which items are the largest `fraction` of `values` `[item]`; of equals, those that come first."""
    mask = np.zeros(len(values), dtype=bool)
    mask[np.argsort(-values, kind="stable")[: top_count(len(values), fraction)]] = True
    return mask


def jaccard(first: np.ndarray, second: np.ndarray) -> float:
    """Items in both of two masks, divided by items in either; NaN if both are empty."""
    either = int((first | second).sum())
    return int((first & second).sum()) / either if either else np.nan


def descending_ranks(values: np.ndarray) -> np.ndarray:
    """Rank 1 for the largest; equals share the best rank among them, as `rank_biased_overlap` wants it."""
    return np.asarray(stats.rankdata(-values, method="min"))


def rank_biased_overlap(
    first: np.ndarray, second: np.ndarray, persistence: float, depth: int | None = None
) -> float:
    """Extrapolated rank-biased overlap of two rankings of the same items, from 0 (disjoint) to 1 (equal).

    `first` and `second` `[item]` are ranks from 1, infinite for an item that a ranking lacks. Webber, Moffat,
    Zobel (2010), eq. 30: A_k p^k + (1 − p)/p Σ_{d ≤ k} A_d p^d to depth k. Equal items have the best rank
    of their group, and A_d = 2 |S_d ∩ L_d| / (|S_d| + |L_d|) over all items ranked d or better (section
    4.3 there; RBO^w in Corsi and Urbano 2024, arXiv 2406.07121): ties are judged as ties, in no order.
    """
    depth = depth or len(first)
    both = np.maximum(first, second)
    lengths = _counts(first, depth) + _counts(second, depth)
    with np.errstate(invalid="ignore"):
        agreement = np.where(lengths > 0, 2 * _counts(both, depth) / lengths, 0.0)
    weights = _weights(persistence, depth)
    summed = (1 - persistence) / persistence * float(agreement @ weights)
    return float(agreement[-1] * weights[-1]) + summed


def persistence_for(items: int, fraction: float = TOP_FRACTION) -> float:
    """The persistence that puts about 86 % of the weight on the top `fraction`: 1 − 1/k for its k items.

    Webber, Moffat, Zobel (2010), eq. 21: 0.856 for p = 0.9 and 10 ranks, 0.852 for 0.98 and 50.
    """
    return 1 - 1 / max(2, top_count(items, fraction))


def pairwise_agreement(
    values: np.ndarray, fraction: float = TOP_FRACTION
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Agreement of every pair of rows of `values` `[run, item]`, which are finite.

    Returns the pairs `[pair, 2]` as row numbers, the smaller first, and for each of `AGREEMENTS` its values
    `[pair]`. Correlations are NaN if all values of a run are equal, and all measures are below two items.
    Kendall's is of a fixed random sample of `KENDALL_ITEMS` items if there are more.
    """
    runs, items = values.shape
    pairs = np.array(list(combinations(range(runs), 2)), dtype=int).reshape(-1, 2)
    if items < 2:
        return pairs, {name: np.full(len(pairs), np.nan) for name in AGREEMENTS}
    ranks = np.array([descending_ranks(row) for row in values])
    tops = np.array([top_mask(row, fraction) for row in values])
    persistence = persistence_for(items, fraction)
    sample = _sample(items)
    measures = {
        "spearman": _spearman(values)[pairs[:, 0], pairs[:, 1]],
        "kendall": [stats.kendalltau(values[i][sample], values[j][sample]).statistic for i, j in pairs],
        "jaccard": [jaccard(tops[i], tops[j]) for i, j in pairs],
        "rank_biased_overlap": [rank_biased_overlap(ranks[i], ranks[j], persistence) for i, j in pairs],
    }
    return pairs, {name: np.array(own, dtype=float) for name, own in measures.items()}


def _spearman(values: np.ndarray) -> np.ndarray:
    """Spearman's correlation between all rows, `[run, run]`: Pearson's of the ranks."""
    ranks = stats.rankdata(values, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.atleast_2d(np.corrcoef(ranks))


@lru_cache(maxsize=4)
def _weights(persistence: float, depth: int) -> np.ndarray:
    """Powers of the persistence, which every pair of one comparison shares."""
    return persistence ** np.arange(1, depth + 1)


def _counts(ranks: np.ndarray, depth: int) -> np.ndarray:
    """How many items are ranked d or better, for d = 1 to `depth`."""
    listed = ranks[ranks <= depth].astype(np.int64)
    return np.cumsum(np.bincount(listed, minlength=depth + 1)[1:])


def _sample(items: int) -> np.ndarray | slice:
    if items <= KENDALL_ITEMS:
        return slice(None)
    return np.sort(np.random.default_rng(0).choice(items, KENDALL_ITEMS, replace=False))
