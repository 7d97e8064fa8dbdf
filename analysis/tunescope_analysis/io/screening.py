"""Which learning rates screening chose (`sweep.screening`): the others were trained with its seeds alone."""

import numpy as np
import pandas as pd
import xarray as xr

from tunescope_analysis.io.columns import column_frame

RATE_KEYS = ["task", "method", "learning_rate"]


def screening_frame(screening: xr.Dataset) -> pd.DataFrame:
    """The group as a frame: task, method, learning_rate, mean_score, seeds, and `chosen` as a bool."""
    return column_frame(screening, "rate").astype({"chosen": bool})


def mark_screened_out(trials: xr.Dataset, screening: xr.Dataset | None) -> xr.Dataset:
    """The trials with `is_screened_out`: whether screening chose other learning rates than theirs."""
    is_out = np.zeros(trials.sizes["trial"], bool)
    if screening is not None:
        rates = screening_frame(screening)
        rejected = pd.MultiIndex.from_frame(rates.loc[~rates["chosen"], RATE_KEYS])
        is_out = pd.MultiIndex.from_arrays([trials[key].values for key in RATE_KEYS]).isin(rejected)
    return trials.assign(is_screened_out=("trial", is_out))
