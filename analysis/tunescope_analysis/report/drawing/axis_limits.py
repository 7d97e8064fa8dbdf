"""Limits and ticks of axes: a method far below all others would press the others into one line."""

from collections.abc import Hashable, Mapping
from typing import TypeVar

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

from tunescope_analysis.report.drawing.panel_grid import TICK_SIZE

MIN_SERIES = 3
FAR_POINTS = 5.0  # our choice: at least so many points of a score × 100
PADDING = 0.12  # of the shown range
NAME_ROOM = 0.16  # of the shown range, for the name of a series at the edge
MARKER_ROOM = 0.06  # of the shown range, for a marker at the edge
GREY = "#555555"
Name = TypeVar("Name", bound=Hashable)


def far_below(series: Mapping[Name, np.ndarray]) -> list[Name]:
    """Names of series that lie below all others by more than the others span, and by `FAR_POINTS`."""
    left = {name: own for name, values in series.items() if (own := values[np.isfinite(values)]).size}
    far: list[Name] = []
    while len(left) >= MIN_SERIES:
        lowest = min(left, key=lambda name: float(left[name].mean()))
        rest = np.concatenate([values for name, values in left.items() if name != lowest])
        if not rest.min() - left[lowest].max() > max(np.ptp(rest), FAR_POINTS):
            break
        far.append(lowest)
        del left[lowest]
    return far


def focus_series(axes: Axes, series: Mapping[str, np.ndarray]) -> None:
    """Fit the y axis to the series, `[value]` by name, that are not far below; name those at the edge."""
    far = far_below(series)
    if not far:
        axes.set_ylim(*_below_perfect(*axes.get_ylim()))
        return
    low, high = _limits(series, far)
    axes.set_ylim(low - NAME_ROOM * (high - low) * len(far), high)
    for place, name in enumerate(far):
        axes.text(0.04, 0.1 + 0.09 * place, f"↓ {' '.join(name.split())} {_mean(series[name])}", va="bottom",
                  transform=axes.transAxes, fontsize=TICK_SIZE, color=GREY)  # fmt: skip


def focus_rows(axes: Axes, rows: Mapping[int, np.ndarray]) -> None:
    """The same along x for the values `[value]` of each line: those far below are printed at the edge."""
    far = far_below(rows)
    if not far:
        axes.set_xlim(*_below_perfect(*axes.get_xlim()))
        return
    axes.set_xlim(*_limits(rows, far))
    for line in far:
        axes.text(0.03, line, f"← {_mean(rows[line])}", va="center", transform=axes.get_yaxis_transform(),
                  fontsize=TICK_SIZE, color=GREY)  # fmt: skip


def _limits(series: Mapping[Name, np.ndarray], far: list[Name]) -> tuple[float, float]:
    near = np.concatenate([values for name, values in series.items() if name not in far])
    low, high = float(np.nanmin(near)), float(np.nanmax(near))
    pad = PADDING * (high - low) or 0.5
    return _below_perfect(low - pad, high + pad)


def _below_perfect(low: float, high: float) -> tuple[float, float]:
    """An axis of scores × 100 ends at 100, with room for a marker."""
    return low, min(high, 100 + MARKER_ROOM * (high - low))


def _mean(values: np.ndarray) -> str:
    return f"{np.nanmean(values):.1f}".replace("-", "−")


FEW_DECADES = 100.0  # a range of a log axis in which powers of ten alone would be too few ticks


def set_log_scales(axes: Axes, names: str) -> None:
    """Log scales with few enough ticks for a small panel; below two decades some between powers of ten."""
    for name in names:
        axes.set(**{f"{name}scale": "log"})
        low, high = getattr(axes, f"get_{name}lim")()
        axis = getattr(axes, f"{name}axis")
        axis.set_major_locator(LogLocator(numticks=4))
        axis.set_minor_locator(NullLocator())
        if high < FEW_DECADES * low:
            axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if high > 5 * low else range(1, 10)))
            axis.set_major_formatter(StrMethodFormatter("{x:g}"))
