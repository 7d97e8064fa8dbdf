"""Fisher information over the layers, and its correlation with depth."""

import numpy as np
import pandas as pd
import xarray as xr

from tunescope_analysis.io.tensor_maps import numbered_layers
from tunescope_analysis.io.vocabulary import is_layernorm, is_output_layernorm
from tunescope_analysis.stats.correlation import spearman
from tunescope_analysis.topics.fisher.table import fisher_by_task

TENSOR_GROUPS = ("all", "LayerNorm", "output LayerNorm")
THIRDS = ("first", "middle", "last")
TREND_THRESHOLD = 0.5  # our choice: from this Spearman correlation over layers on, values "go with depth"


def depth_profile(fisher: xr.Dataset) -> xr.DataArray:
    """Fisher information per scalar over the numbered layers: `[task, part, layer]`.

    The parts are `TENSOR_GROUPS`. Each value is the sum over the part's tensors in the layer, divided by the
    number of their scalars. A part that no layer has is left out.
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
        for part in TENSOR_GROUPS
    ]
    profile = xr.concat(parts, pd.Index(TENSOR_GROUPS, name="part")).transpose("task", "part", "layer")
    return profile.dropna("part", how="all").rename("mean")


def depth_correlation(profile: xr.DataArray) -> pd.DataFrame:
    """Spearman's rank correlation of layer number and Fisher information, a row per task and part.

    It is NaN below three layers, or if all layers are equal; it is positive if later layers have more.
    """
    rows = []
    for task in profile["task"].values:
        for part in profile["part"].values:
            values = profile.sel(task=task, part=part).dropna("layer")
            layers = np.array([int(layer) for layer in values["layer"].values])
            rho = spearman(layers, values.values)
            rows.append({"task": task, "part": part, "spearman": rho, "layers": len(layers)})
    return pd.DataFrame(rows, columns=["task", "part", "spearman", "layers"])


def thirds_of(profile: xr.DataArray, part: str) -> xr.DataArray:
    """A part's Fisher information per scalar in each third of the layers that have it: `[task, third]`.

    If the layers cannot be divided by three, the first thirds have one more.
    """
    values = profile.sel(part=part).dropna("layer", how="all")
    layers = np.array_split(np.arange(values.sizes["layer"]), len(THIRDS))
    thirds = [values.isel(layer=own).mean("layer") for own in layers]
    return xr.concat(thirds, pd.Index(THIRDS, name="third")).transpose("task", "third")
