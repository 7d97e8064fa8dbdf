"""The columns of a group as a data frame."""

import pandas as pd
import xarray as xr


def column_frame(dataset: xr.Dataset, dimension: str) -> pd.DataFrame:
    """The columns along one dimension as a frame, a row per entry, indexed by its number."""
    columns = {str(name): own.values for name, own in dataset.data_vars.items() if own.dims == (dimension,)}
    return pd.DataFrame(columns, index=pd.RangeIndex(dataset.sizes[dimension], name=dimension))


def trial_frame(trials: xr.Dataset) -> pd.DataFrame:
    """The trials as a frame, a row per trial, indexed by trial number."""
    return column_frame(trials, "trial")
