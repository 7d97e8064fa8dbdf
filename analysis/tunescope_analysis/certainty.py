"""How sure a ranking is: what other draws of the same seeds would have put first."""

import numpy as np
import pandas as pd
import xarray as xr

from tunescope_analysis.fisher import component_fisher
from tunescope_analysis.io.tensor_maps import without_head
from tunescope_analysis.scores import best_trials
from tunescope_analysis.stats.bootstrap import MIN_SEEDS, share_first
from tunescope_analysis.stats.hypothesis_tests import holm, welch
from tunescope_analysis.stats.thresholds import LEVEL


def change_certainty(change: xr.Dataset, trials: xr.Dataset, measure: str, method: str) -> pd.Series | None:
    """`share_first` of the components by one measure of change, over the trials behind its map."""
    chosen = best_trials(trials)
    chosen = chosen[chosen["method"] == method]
    kept = without_head(change[measure])
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
        others = [m for m in scores if m != leader and min(len(scores[m]), len(scores[leader])) >= MIN_SEEDS]
        adjusted = holm(np.array([welch(scores[leader], scores[method]) for method in others]))
        tied |= {(str(task), method) for method, p in zip(others, adjusted, strict=True) if not p < LEVEL}
    return tied


def _by_component(shares: np.ndarray | None, values: xr.DataArray) -> pd.Series | None:
    return None if shares is None else pd.Series(shares, index=values["component"].values)
