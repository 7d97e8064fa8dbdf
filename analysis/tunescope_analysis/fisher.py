"""Fisher information: from one map a run to one map a task, component rankings, the profile over depth."""

import numpy as np
import pandas as pd
import xarray as xr

from tunescope_analysis.change import Finding, finding_of
from tunescope_analysis.io.columns import column_frame
from tunescope_analysis.io.tensor_maps import long_table, mean_by_task, numbered_layers, without_head
from tunescope_analysis.io.vocabulary import is_layernorm, is_output_layernorm
from tunescope_analysis.labels import FISHER_MEASURES
from tunescope_analysis.stats.correlation import spearman

SETTINGS = ("mode", "batch_size", "examples", "at", "point")
MODES = ("empirical", "true", "sampled")
ADDED = ("sum", "share")  # measures of which a component has the total over its layers
PARTS = ("all", "LayerNorm", "output LayerNorm")
STEADY = 0.5  # our choice: from this Spearman correlation over layers on, values "go with depth"


def fisher_measures_of(fisher: xr.Dataset) -> list[str]:
    """The measures that the dataset holds, in the schema's order."""
    return [measure for measure in FISHER_MEASURES if measure in fisher]


def run_frame(fisher: xr.Dataset) -> pd.DataFrame:
    """The Fisher runs as a frame, a row per run, indexed by its number; `cells` counts measured tensors."""
    frame = column_frame(fisher, "run")
    measures = fisher_measures_of(fisher)
    cells = fisher[measures[0]].notnull().sum(["layer", "component"]).values if measures else 0
    return frame.assign(cells=cells)


def default_runs(fisher: xr.Dataset) -> pd.DataFrame:
    """The runs behind the maps: for each task those of one setting, one row a seed.

    Of several settings the one that defines Fisher information best is taken (our choice), in this order:
    most tensors measured, batch size 1, given labels before the model's own, weights of full fine-tuning,
    the latest point in training, most examples.
    """
    frame = run_frame(fisher)
    frame = frame[frame["cells"] > 0]
    if frame.empty:
        return frame
    places = {mode: place for place, mode in enumerate(MODES)}
    preference = pd.DataFrame(
        {
            "task": frame["task"],
            "cells": -frame["cells"],
            "batch_size": frame["batch_size"],
            "mode": frame["mode"].map(places).fillna(len(MODES)),
            "at": frame["at"] != "full",
            "at_name": frame["at"],
            "point": -frame["point"],
            "examples": -frame["examples"],
        }
    )
    best = preference.sort_values(list(preference.columns), kind="stable").groupby("task").head(1)
    keys = pd.MultiIndex.from_frame(preference)
    return frame[keys.isin(pd.MultiIndex.from_frame(best))].sort_values(["task", "seed"], kind="stable")


def fisher_by_task(fisher: xr.Dataset, measure: str = "mean") -> xr.DataArray:
    """Mean over seeds of a measure at each task's default setting: `[task, layer, component]`.

    NaN where a layer has no such tensor, or it was not measured.
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
    """A measure a component, from maps `[..., layer, component]`: `[..., component]`, the head left out.

    `mean` is the mean over all scalars of the component in all layers, `sum` and `share` are its totals,
    `max` is its largest.
    """
    kept = without_head(by_task)
    if by_task.name in ADDED:
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
    """The finding of one `[task, layer, component]` map; None where it holds no number."""
    ranking = rank_components(by_task, size) if by_task.sizes["task"] else pd.Series(dtype=float)
    if ranking.empty:
        return None
    each = component_fisher(by_task, size)
    own = [each.sel(task=task).to_series().dropna() for task in each["task"].values]
    leaders = [str(series.idxmax()) for series in own if len(series)]
    return finding_of(str(by_task.name), ranking, leaders)


def depth_profile(fisher: xr.Dataset) -> xr.DataArray:
    """Fisher information per scalar over the numbered layers: `[task, part, layer]`, `part` as in `PARTS`.

    The sum over the part's tensors in the layer, divided by their scalars. Parts that no layer has are left
    out.
    """
    total = fisher_by_task(fisher, "sum")
    total = numbered_layers(total)
    size = fisher["size"].sel(layer=total["layer"]).where(total.notnull())
    names = [str(name) for name in total["component"].values]
    members = {
        "all": [True] * len(names),
        "LayerNorm": [is_layernorm(name) for name in names],
        "output LayerNorm": [is_output_layernorm(name) for name in names],
    }
    parts = [
        total.isel(component=members[part]).sum("component", min_count=1)
        / size.isel(component=members[part]).sum("component", min_count=1)
        for part in PARTS
    ]
    profile = xr.concat(parts, pd.Index(PARTS, name="part")).transpose("task", "part", "layer")
    return profile.dropna("part", how="all").rename("mean")


def depth_correlation(profile: xr.DataArray) -> pd.DataFrame:
    """Spearman's rank correlation of layer number and Fisher information, a row a task and part.

    NaN below three layers, or where all layers are equal. Positive: later layers have more.
    """
    rows = []
    for task in profile["task"].values:
        for part in profile["part"].values:
            values = profile.sel(task=task, part=part).dropna("layer")
            layers = np.array([int(layer) for layer in values["layer"].values])
            rho = spearman(layers, values.values)
            rows.append({"task": task, "part": part, "spearman": rho, "layers": len(layers)})
    return pd.DataFrame(rows, columns=["task", "part", "spearman", "layers"])


def fisher_table(fisher: xr.Dataset) -> pd.DataFrame:
    """The maps as a long table: task (or `typical`), layer, component, size, one column a measure."""
    columns = {}
    for measure in fisher_measures_of(fisher):
        by_task = fisher_by_task(fisher, measure)
        maps = [by_task, typical_over_tasks(by_task).expand_dims(task=np.array(["typical"], dtype=object))]
        columns[measure] = xr.concat(maps, "task", coords="minimal", compat="override").drop_attrs()
    return long_table(xr.Dataset(columns), fisher["size"])
