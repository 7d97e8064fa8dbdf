"""Several result files side by side."""

from collections.abc import Mapping

import pandas as pd
import xarray as xr

from tunescope_analysis.topics.scores.table import score_table
from tunescope_analysis.topics.task_size.table import size_gaps


def side_by_side(trials: Mapping[str, xr.Dataset]) -> pd.DataFrame:
    """The score tables of several files, one below another, with a first column `file`."""
    tables = [score_table(own).assign(file=name) for name, own in trials.items()]
    frame = pd.concat(tables, ignore_index=True)
    return frame[["file", *[name for name in frame if name != "file"]]]


def gaps_of_files(trials: Mapping[str, xr.Dataset]) -> pd.DataFrame:
    """Gaps to `full` over training-set sizes, of all files together, with a first column `file`."""
    frames = [size_gaps(own).assign(file=name) for name, own in trials.items()]
    frame = pd.concat([frame for frame in frames if len(frame)] or frames, ignore_index=True)
    return frame[["file", *[name for name in frame if name != "file"]]]
