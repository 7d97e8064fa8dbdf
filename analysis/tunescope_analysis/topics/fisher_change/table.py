"""Fisher information against parameter change, tensor by tensor."""

import pandas as pd
import xarray as xr

from tunescope_analysis.io.vocabulary import FRESH_LAYER, has_no_gradient
from tunescope_analysis.stats.correlation import spearman
from tunescope_analysis.topics.change.table import change_by_task, measures_of
from tunescope_analysis.topics.fisher.table import fisher_by_task


def fisher_and_change(
    fisher: xr.Dataset, change: xr.Dataset, trials: xr.Dataset, method: str = "full"
) -> pd.DataFrame:
    """A row per task and tensor that has both: Fisher information per scalar (`fisher`), the change measures.

    Both are means over seeds, as in the maps. Left out (our choice) are the head, which starts from random
    numbers, and key biases, which have no gradient but rounding errors.
    """
    columns = {name: change_by_task(change, trials, name, method) for name in measures_of(change)}
    columns["fisher"] = fisher_by_task(fisher, "mean")
    aligned = xr.align(*columns.values(), join="inner")
    frame = xr.Dataset(dict(zip(columns, aligned, strict=True))).to_dataframe().reset_index()
    frame = frame[frame["fisher"].notna() & frame[measures_of(change)].notna().any(axis=1)]
    is_blind = frame["component"].map(has_no_gradient).astype(bool)
    return frame[(frame["layer"] != FRESH_LAYER) & ~is_blind].reset_index(drop=True)


def correlation_by_task(frame: pd.DataFrame) -> pd.DataFrame:
    """Spearman's rank correlation of Fisher information and change: a row per task and measure."""
    measures = [name for name in frame.columns if name not in ("task", "layer", "component", "fisher")]
    rows = [
        {"task": task, "measure": measure, **_spearman(group["fisher"], group[measure])}
        for task, group in frame.groupby("task", sort=False)
        for measure in measures
    ]
    return pd.DataFrame(rows, columns=["task", "measure", "spearman", "tensors"])


def _spearman(first: pd.Series, second: pd.Series) -> dict[str, float]:
    rho = spearman(first.to_numpy(float), second.to_numpy(float))
    return {"spearman": rho, "tensors": int((first.notna() & second.notna()).sum())}
