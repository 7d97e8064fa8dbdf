"""What training took of time, memory and energy, a line per method."""

import pandas as pd

from tunescope_analysis.report.blocks import Cell, Heading, Table
from tunescope_analysis.report.formatting import count, fixed
from tunescope_analysis.topics.scores.table import order_methods

BYTES_PER_GB = 1e9
JOULES_PER_WH = 3600
NEEDED = {"examples_per_second", "tokens_per_second", "energy_joules", "peak_host_bytes", "peak_device_bytes"}


def cost_table(trials: pd.DataFrame) -> Table | None:
    """Speed, energy and memory by method, those with the most trainable parameters first; None if untold."""
    if not set(trials.columns) >= NEEDED:
        return None
    known = trials[trials["examples_per_second"].notna()]
    if known.empty:
        return None
    groups = known.groupby("method")
    costs = pd.DataFrame(
        {
            "trials": groups.size(),
            "examples_per_second": groups["examples_per_second"].median(),
            "tokens_per_second": groups["tokens_per_second"].median(),
            "energy_wh": groups["energy_joules"].median() / JOULES_PER_WH,
            "host_gb": groups["peak_host_bytes"].max() / BYTES_PER_GB,
            "device_gb": groups["peak_device_bytes"].max() / BYTES_PER_GB,
        }
    ).loc[order_methods(known)]
    headings = [
        Heading("Method", is_number=False), Heading("Trials"), Heading("Examples per second", "median"),
        Heading("Tokens per second", "median"), Heading("Energy of a trial, Wh", "median"),
        Heading("Host memory, GB", "largest"), Heading("GPU memory, GB", "largest"),
    ]  # fmt: skip
    rows = [
        [Cell(str(method)), Cell(count(row.trials)), Cell(count(row.examples_per_second)),
         Cell(count(row.tokens_per_second)), Cell(fixed(row.energy_wh)), Cell(fixed(row.host_gb)),
         Cell(fixed(row.device_gb))]
        for method, row in costs.iterrows()
    ]  # fmt: skip
    return Table("cost", costs.reset_index(), headings, rows)
