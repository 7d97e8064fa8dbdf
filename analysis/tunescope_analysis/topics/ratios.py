"""How many times as large one quantity is as another, over tasks."""

from dataclasses import dataclass

import numpy as np
import xarray as xr

from tunescope_analysis.report.claims import MIN_TASKS, Ruling, rule_on_most_tasks
from tunescope_analysis.report.formatting import digits, plural, share
from tunescope_analysis.stats.paired import mean_difference
from tunescope_analysis.stats.thresholds import LEVEL


@dataclass(frozen=True)
class Ratio:
    """The geometric mean over tasks of the quotients of two quantities, and both ends of its interval.

    `larger` counts the tasks on which the first quantity is the larger one. The interval is of 90 %, wider
    for several `comparisons` (Bonferroni): Student's interval of the logarithms. Its ends are NaN below two
    tasks, or if all quotients are equal.
    """

    value: float
    low: float
    high: float
    tasks: int
    larger: int
    comparisons: int = 1

    @property
    def ruling(self) -> Ruling:
        """Whether the first quantity is the larger one: the whole interval lies on one side of 1."""
        is_apart = self.low > 1 or self.high < 1
        return rule_on_most_tasks(self.tasks, self.low > 1) if is_apart else Ruling.NOT_DECIDABLE

    @property
    def words(self) -> str:
        """`2.1 times (90 % interval 1.4 to 3.2, larger on 4 of 4 tasks)`."""
        level = share(1 - 2 * LEVEL / self.comparisons)
        ends = f"{digits(self.low)} to {digits(self.high)}"
        interval = "no interval" if np.isnan(self.low) else f"{level} interval {ends}"
        where = f"larger on {self.larger} of {plural(self.tasks, 'task')}"
        few = "" if self.tasks >= MIN_TASKS else f"; a claim about tasks needs {MIN_TASKS}"
        return f"{digits(self.value)} times ({interval}, {where}{few})"


def output_bias_ratio(per_scalar: xr.DataArray) -> Ratio | None:
    """A bias of output LayerNorm against a weight of it, `[task, component]`; None if one is missing."""
    pair = ("output.LayerNorm.bias", "output.LayerNorm.weight")
    if not set(pair) <= set(per_scalar["component"].values):
        return None
    bias, weight = (per_scalar.sel(component=name).values for name in pair)
    return ratio_over_tasks(bias, weight)


def ratio_over_tasks(first: np.ndarray, second: np.ndarray, comparisons: int = 1) -> Ratio | None:
    """The ratio of two quantities `[task]`; None if no task has both above zero."""
    is_known = (first > 0) & (second > 0) & np.isfinite(first) & np.isfinite(second)
    if not is_known.any():
        return None
    first, second = first[is_known], second[is_known]
    value, low, high = np.exp(mean_difference(np.log(first), np.log(second), comparisons))
    return Ratio(float(value), float(low), float(high), len(first), int((first > second).sum()), comparisons)
