"""Maps of tensors `[..., layer, component]`, whatever their numbers are: layers, means, long tables."""

import numpy as np
import pandas as pd
import xarray as xr

from tunescope_analysis.io.vocabulary import FRESH_LAYER, order_tasks


def without_head(values: xr.DataArray) -> xr.DataArray:
    """The pre-trained layers: the head starts from random numbers."""
    return values.sel(layer=values["layer"] != FRESH_LAYER)


def numbered_layers(values: xr.DataArray) -> xr.DataArray:
    """The layers of the encoder alone: without embeddings, pooler and head, of which there is one each."""
    return values.isel(layer=[str(layer).isdigit() for layer in values["layer"].values])


def layers_of(values: xr.DataArray, component: str) -> list[str]:
    """The layers in which the component exists, from a `[layer, component]` or `[task, ...]` map."""
    other = [dim for dim in values.dims if dim not in ("layer", "component")]
    present = values.notnull().any(other) if other else values.notnull()
    column = present.sel(component=component)
    return [str(layer) for layer in column["layer"].values[column.values]]


def mean_by_task(values: xr.DataArray, chosen: pd.DataFrame, dimension: str) -> xr.DataArray:
    """Mean of each task's rows along `dimension`: `[task, layer, component]`, tasks in their usual order.

    Values that are not finite do not count. `chosen` has a row per entry that counts, indexed by its position
    along `dimension`, with a column `task`; no other entry is read.
    """
    tasks = order_tasks(chosen["task"]) if len(chosen) else []
    rows = [values.isel({dimension: chosen.index[chosen["task"] == task]}).load() for task in tasks]
    means = [own.where(np.isfinite(own)).mean(dimension) for own in rows]
    if not means:
        empty = values.isel({dimension: slice(0, 0)}).rename({dimension: "task"})
        return empty.assign_coords(task=task_labels([]))
    stacked = xr.concat(means, "task", coords="minimal", compat="override")
    return stacked.assign_coords(task=task_labels(tasks))


def long_table(maps: xr.Dataset, size: xr.DataArray) -> pd.DataFrame:
    """Maps `[task, layer, component]` as rows task, layer, component, size, with a column per map.

    Cells are left out if the model has no such tensor.
    """
    frame = maps.to_dataframe(dim_order=["task", "layer", "component"]).reset_index()
    sizes = size.to_series().rename("size").reset_index()
    frame = frame.merge(sizes, on=["layer", "component"], how="left", sort=False)
    shown = ["task", "layer", "component", "size", *map(str, maps.data_vars)]
    return frame.loc[frame["size"] > 0, shown].reset_index(drop=True)


def task_labels(tasks: list[str]) -> np.ndarray:
    """A coordinate of tasks, in which names of any length may follow."""
    return np.array(tasks, dtype=object)
