"""How sure a ranking is: what other draws of the same seeds would have put first."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import xarray as xr

from tunescope_analysis.fisher import component_fisher
from tunescope_analysis.results import FRESH_LAYER
from tunescope_analysis.scores import best_trials
from tunescope_analysis.significance import LEVEL, holm, welch

RESAMPLES = 2000
FEWEST_SEEDS = 2


def share_first(
    groups: list[np.ndarray],
    resamples: int = RESAMPLES,
    scale: Callable[[np.ndarray], np.ndarray] = np.asarray,
) -> np.ndarray | None:
    """How often each component is first when seeds are drawn again, with replacement: `[component]`.

    `groups` has an array `[seed, component]` a task. Seeds are drawn within their task and averaged; `scale`
    of that is averaged over tasks, `np.log` for a geometric mean (the bootstrap; a fixed seed). NaN ranks
    last. None where no task has two seeds.
    """
    if not any(len(group) >= FEWEST_SEEDS for group in groups):
        return None
    rng = np.random.default_rng(0)
    total = np.zeros((resamples, groups[0].shape[1]))
    for group in groups:
        drawn = rng.integers(len(group), size=(resamples, len(group)))
        with np.errstate(divide="ignore"):
            total += scale(group[drawn].mean(axis=1))
    first = np.argmax(np.where(np.isfinite(total), total, -np.inf), axis=1)
    return np.bincount(first, minlength=total.shape[1]) / resamples


def change_certainty(change: xr.Dataset, trials: xr.Dataset, measure: str, method: str) -> pd.Series | None:
    """`share_first` of the components by one measure of change, over the trials behind its map."""
    chosen = best_trials(trials)
    chosen = chosen[chosen["method"] == method]
    values = change[measure]
    kept = values.sel(layer=values["layer"] != FRESH_LAYER)
    groups = []
    for _, rows in chosen.groupby("task"):
        own = kept.isel(trial=rows.index).load().transpose("trial", "layer", "component")
        groups.append(own.where(np.isfinite(own)).mean("layer").values)
    return _by_component(share_first(groups), kept)


def fisher_certainty(fisher: xr.Dataset, runs: pd.DataFrame) -> pd.Series | None:
    """`share_first` of the components, ranked as in `fisher.rank_components`."""
    values, groups = fisher["mean"], []
    for _, rows in runs.groupby("task"):
        own = values.isel(run=rows.index).load().transpose("run", "layer", "component")
        groups.append(component_fisher(own, fisher["size"]).values)
    return _by_component(share_first(groups, scale=np.log), values)


def tied_with_best(trials: xr.Dataset) -> set[tuple[str, str]]:
    """Tasks and methods whose seeds cannot be told from those of the task's best method.

    Welch's t test, Holm's correction over the task's other methods, 0.05. The best itself is not listed, nor
    methods with one seed.
    """
    best = best_trials(trials)
    tied = set()
    for task, group in best.groupby("task"):
        scores = {str(method): rows["score"].to_numpy(float) for method, rows in group.groupby("method")}
        leader = max(scores, key=lambda method: float(scores[method].mean()))
        others = [
            m for m in scores if m != leader and min(len(scores[m]), len(scores[leader])) >= FEWEST_SEEDS
        ]
        p = pd.Series([welch(scores[leader], scores[method]) for method in others], index=others, dtype=float)
        adjusted = holm(p)
        tied |= {(str(task), method) for method in others if not adjusted[method] < LEVEL}
    return tied


def _by_component(shares: np.ndarray | None, values: xr.DataArray) -> pd.Series | None:
    return None if shares is None else pd.Series(shares, index=values["component"].values)
