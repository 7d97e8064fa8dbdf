"""The scale of activations and gradients over depth, as Fisher runs record it."""

import numpy as np
import pandas as pd
import xarray as xr

from tunescope_analysis.io.roles import is_pre_norm
from tunescope_analysis.io.tensor_maps import mean_by_task, numbered_layers
from tunescope_analysis.stats.correlation import spearman
from tunescope_analysis.topics.fisher.runs import default_runs
from tunescope_analysis.topics.fisher_depth.table import depth_profile

SCALE_PLACES = {
    "hidden": "hidden state",
    "attention_branch": "attention branch",
    "feed_forward_branch": "feed-forward branch",
}
SCALE_KINDS = {"activation": "", "gradient": "_gradient"}


def scale_profile(fisher: xr.Dataset) -> xr.DataArray:
    """Root mean squares over tokens and hidden units: `[kind, task, part, layer]`, kinds as in `SCALE_KINDS`.

    Parts are the hidden state that leaves a layer, and what each block adds to its input. Values are means
    over seeds at each task's default setting. Embeddings, pooler and head are left out. The profile is empty
    if nothing was recorded.
    """
    chosen = default_runs(fisher)
    kinds = []
    for suffix in SCALE_KINDS.values():
        names = [f"{place}{suffix}_rms" for place in SCALE_PLACES]
        values = [fisher[name] if name in fisher else xr.full_like(fisher["point"], np.nan) for name in names]
        parts = [mean_by_task(value.broadcast_like(fisher["layer"]), chosen, "run") for value in values]
        kinds.append(xr.concat(parts, pd.Index(list(SCALE_PLACES.values()), name="part")))
    profile = numbered_layers(xr.concat(kinds, pd.Index(list(SCALE_KINDS), name="kind"))).drop_attrs()
    return profile.transpose("kind", "task", "part", "layer").dropna("task", how="all").rename("rms")


def scale_table(fisher: xr.Dataset) -> pd.DataFrame:
    """How scales go with depth and with the Fisher information of LayerNorm: a row per task.

    `growth` is the hidden state's gradient in the last layer over that in the first; `passed_on` the median
    over layers of the gradient of output LayerNorm's output over that of the feed-forward branch, which is
    what LayerNorm passes on, NaN if the gradient goes around LayerNorm as in GPT-2; `gradient`, `activation`
    are Spearman's correlations over layers of Fisher information and the hidden state's gradient, and its
    own scale.
    """
    profile = scale_profile(fisher)
    information = depth_profile(fisher)
    part = "LayerNorm" if "LayerNorm" in information["part"].values else "all"
    is_around = is_pre_norm(fisher["size"])
    rows = []
    for task in profile["task"].values:
        own = profile.sel(task=task)
        gradient = own.sel(kind="gradient", part=SCALE_PLACES["hidden"])
        branch = own.sel(kind="gradient", part=SCALE_PLACES["feed_forward_branch"])
        known = information.sel(task=task, part=part).reindex(layer=gradient["layer"])
        ends = gradient.dropna("layer").values
        rows.append(
            {
                "task": task,
                "growth": ends[-1] / ends[0] if len(ends) > 1 else np.nan,
                "passed_on": np.nan if is_around else float((gradient / branch).median()),
                "gradient": spearman(gradient.values, known.values),
                "activation": spearman(
                    own.sel(kind="activation", part=SCALE_PLACES["hidden"]).values, known.values
                ),
            }
        )
    return pd.DataFrame(rows, columns=["task", "growth", "passed_on", "gradient", "activation"])
