"""How sure a ranking is: which component other draws of the same seeds would have put first."""

from collections.abc import Callable

import numpy as np

DRAWS = 2000
MIN_SEEDS = 2


def share_first(
    groups: list[np.ndarray],
    resamples: int = DRAWS,
    scale: Callable[[np.ndarray], np.ndarray] = np.asarray,
) -> np.ndarray | None:
    """How often each component is first when seeds are drawn again, with replacement: `[component]`.

    `groups` has an array `[seed, component]` per task. Seeds are drawn within their task and averaged;
    `scale` of that is averaged over tasks, `np.log` for a geometric mean (the bootstrap, with a fixed seed).
    NaN ranks last. The result is None if no task has two seeds.
    """
    if not any(len(group) >= MIN_SEEDS for group in groups):
        return None
    rng = np.random.default_rng(0)
    total = np.zeros((resamples, groups[0].shape[1]))
    for group in groups:
        drawn = rng.integers(len(group), size=(resamples, len(group)))
        with np.errstate(divide="ignore"):
            total += scale(group[drawn].mean(axis=1))
    first = np.argmax(np.where(np.isfinite(total), total, -np.inf), axis=1)
    return np.bincount(first, minlength=total.shape[1]) / resamples
