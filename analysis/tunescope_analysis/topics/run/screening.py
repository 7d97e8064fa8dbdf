"""What screening chose: a line per task and method with the means that it chose by."""

import pandas as pd
import xarray as xr

from tunescope_analysis.io.screening import screening_frame
from tunescope_analysis.report.blocks import Cell, Heading, Table
from tunescope_analysis.report.formatting import general, percent


def screening_table(screening: xr.Dataset) -> Table:
    """The learning rates that were chosen, and the mean of every rate, in the order of the job."""
    rates = screening_frame(screening)
    rows = [
        [Cell(str(task)), Cell(str(method)), Cell(_listed(own[own["chosen"]])), Cell(_means(own))]
        for (task, method), own in rates.groupby(["task", "method"], sort=False)
    ]
    names = ("Task", "Method", "Chosen", "Mean score of each learning rate")
    return Table("screening", rates, [Heading(name, is_number=False) for name in names], rows)


def _listed(rates: pd.DataFrame) -> str:
    return ", ".join(general(rate) for rate in rates["learning_rate"])


def _means(rates: pd.DataFrame) -> str:
    return ", ".join(
        f"{general(rate)}: {percent(mean)}"
        for rate, mean in zip(rates["learning_rate"], rates["mean_score"], strict=True)
    )
