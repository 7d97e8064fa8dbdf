"""Fisher information: from one map per run to one map per task, and a ranking of components."""

import numpy as np
import pandas as pd
import xarray as xr

from tunescope_analysis.io.tensor_maps import long_table, mean_by_task, without_head
from tunescope_analysis.stats.bootstrap import share_first
from tunescope_analysis.topics.fisher.runs import default_runs, fisher_measures_of
from tunescope_analysis.topics.leaders import Finding, finding_of, shares_by_component

ADDITIVE_MEASURES = ("sum", "share")  # a component has the total of these over its layers


def fisher_by_task(fisher: xr.Dataset, measure: str = "mean") -> xr.DataArray:
    """Mean over seeds of a measure at each task's default setting: `[task, layer, component]`.

    A value is NaN if the layer has no such tensor, or it was not measured.
    """
    chosen = default_runs(fisher)
    values = fisher[measure].transpose("run", "layer", "component")
    return mean_by_task(values, chosen, "run").rename(measure).drop_attrs()


def typical_over_tasks(by_task: xr.DataArray) -> xr.DataArray:
    """What is typical of the tasks: the geometric mean over them, for shares the plain mean.

    Tasks differ in scale by orders of magnitude; a plain mean would describe the largest alone (our choice).
    """
    if by_task.name == "share":
        return by_task.mean("task")
    with np.errstate(divide="ignore"):
        logarithms = by_task.copy(data=np.log(by_task.values))
    mean = logarithms.mean("task")
    return mean.copy(data=np.exp(mean.values))


def component_fisher(by_task: xr.DataArray, size: xr.DataArray) -> xr.DataArray:
    """A measure per component, from maps `[..., layer, component]`: `[..., component]`, without the head.

    `mean` is the mean over all scalars of the component in all layers, `sum` and `share` are its totals,
    `max` is its largest.
    """
    kept = without_head(by_task)
    if by_task.name in ADDITIVE_MEASURES:
        values = kept.sum("layer", min_count=1)
    elif by_task.name == "max":
        values = kept.max("layer")
    else:
        weights = size.sel(layer=kept["layer"]).where(kept.notnull())
        values = (kept * weights).sum("layer", min_count=1) / weights.sum("layer")
    return values.rename(by_task.name)


def rank_components(by_task: xr.DataArray, size: xr.DataArray) -> pd.Series:
    """Components from the largest Fisher information to the smallest, by the value typical of the tasks."""
    typical = typical_over_tasks(component_fisher(by_task, size)).to_series().dropna()
    return typical.sort_values(ascending=False, kind="stable")


def find_fisher_leaders(by_task: xr.DataArray, size: xr.DataArray) -> Finding | None:
    """The finding of one `[task, layer, component]` map; None if it holds no number."""
    ranking = rank_components(by_task, size) if by_task.sizes["task"] else pd.Series(dtype=float)
    if ranking.empty:
        return None
    each = component_fisher(by_task, size)
    own = [each.sel(task=task).to_series().dropna() for task in each["task"].values]
    leaders = [str(series.idxmax()) for series in own if len(series)]
    return finding_of(str(by_task.name), ranking, leaders)


def fisher_table(fisher: xr.Dataset) -> pd.DataFrame:
    """The maps as a long table: task (or `typical`), layer, component, size, one column a measure."""
    columns = {}
    for measure in fisher_measures_of(fisher):
        by_task = fisher_by_task(fisher, measure)
        maps = [by_task, typical_over_tasks(by_task).expand_dims(task=np.array(["typical"], dtype=object))]
        columns[measure] = xr.concat(maps, "task", coords="minimal", compat="override").drop_attrs()
    return long_table(xr.Dataset(columns), fisher["size"])


def fisher_certainty(fisher: xr.Dataset, runs: pd.DataFrame) -> pd.Series | None:
    """`share_first` of the components, ranked as in `fisher.rank_components`."""
    values, groups = fisher["mean"], []
    for _, rows in runs.groupby("task"):
        own = values.isel(run=rows.index).load().transpose("run", "layer", "component")
        groups.append(component_fisher(own, fisher["size"]).values)
    return shares_by_component(share_first(groups, scale=np.log), values)
