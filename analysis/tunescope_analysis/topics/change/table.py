"""Parameter change: from one map per trial to one map per task, their mean, and a ranking of components."""

import numpy as np
import pandas as pd
import xarray as xr

from tunescope_analysis.io.tensor_maps import long_table, mean_by_task, task_labels, without_head
from tunescope_analysis.report.labels import MEASURES
from tunescope_analysis.stats.bootstrap import share_first
from tunescope_analysis.topics.leaders import Finding, finding_of, shares_by_component
from tunescope_analysis.topics.scores.table import best_trials


def measures_of(change: xr.Dataset) -> list[str]:
    """The measures that the dataset holds, in the schema's order."""
    return [measure for measure in MEASURES if measure in change]


def method_for_change(trials: xr.Dataset) -> str | None:
    """`full` if a trial of it finished, else the finished method with the most trainable parameters."""
    finished = best_trials(trials)
    if finished.empty:
        return None
    if (finished["method"] == "full").any():
        return "full"
    medians = finished.groupby("method")["trainable_parameters"].median()
    return str(medians.idxmax())


def change_by_task(
    change: xr.Dataset, trials: xr.Dataset, measure: str = "mean_abs", method: str = "full"
) -> xr.DataArray:
    """Mean over seeds of `measure` for one method: `[task, layer, component]`, in the measure's unit.

    The seeds are the finished trials at the best learning rate of each task (our choice: other rates move
    the parameters by other amounts, so a mean over all of them would describe none). Tasks without one are
    left out. A value is NaN if the layer has no such component, or the measure is not finite.
    """
    chosen = best_trials(trials)
    chosen = chosen[chosen["method"] == method]
    values = change[measure].transpose("trial", "layer", "component")
    return mean_by_task(values, chosen, "trial").rename(measure).assign_attrs(method=method)


def mean_over_tasks(by_task: xr.DataArray) -> xr.DataArray:
    """Plain mean over tasks, every task weighing the same: `[layer, component]`."""
    return by_task.mean("task")


def component_ranking(values: xr.DataArray) -> pd.Series:
    """Components from the most changed to the least: the mean over the layers that have it.

    `values` is `[layer, component]`. The head is left out (our choice): it starts from random numbers, so
    its change says nothing about the pre-trained model.
    """
    ranking = without_head(values).mean("layer").to_series().dropna()
    return ranking.sort_values(ascending=False, kind="stable")


def find_leaders(by_task: xr.DataArray) -> Finding | None:
    """The finding of one `[task, layer, component]` map; None if it holds no number."""
    overall = component_ranking(mean_over_tasks(by_task))
    if overall.empty:
        return None
    rankings = [component_ranking(by_task.sel(task=task)) for task in by_task["task"].values]
    leaders = [str(ranking.index[0]) for ranking in rankings if not ranking.empty]
    return finding_of(str(by_task.name), overall, leaders)


def change_table(change: xr.Dataset, trials: xr.Dataset, method: str) -> pd.DataFrame:
    """The maps as a long table: task (or `mean`), layer, component, size in scalars, a column per measure."""
    columns = {}
    for measure in measures_of(change):
        by_task = change_by_task(change, trials, measure, method)
        maps = [by_task.drop_vars("task"), mean_over_tasks(by_task).expand_dims("task")]
        joined = xr.concat(maps, "task", coords="minimal", compat="override")
        columns[measure] = joined.assign_coords(task=task_labels([*by_task["task"].values, "mean"]))
    frame = long_table(xr.Dataset(columns), change["size"])
    frame.insert(0, "method", method)
    return frame


def change_certainty(change: xr.Dataset, trials: xr.Dataset, measure: str, method: str) -> pd.Series | None:
    """`share_first` of the components by one measure of change, over the trials behind its map."""
    chosen = best_trials(trials)
    chosen = chosen[chosen["method"] == method]
    kept = without_head(change[measure])
    groups = []
    for _, rows in chosen.groupby("task"):
        own = kept.isel(trial=rows.index).load().transpose("trial", "layer", "component")
        groups.append(own.where(np.isfinite(own)).mean("layer").values)
    return shares_by_component(share_first(groups), kept)
