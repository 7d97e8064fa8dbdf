"""Axes for the many: a method far from all others would press the others into one line."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

from tunescope_analysis.figures.grid import TICK_SIZE

FAR_DEVIATIONS = 8.0  # our choice: from the median, in median absolute deviations
FAR_POINTS = 5.0  # our choice: and at least so many points of a score × 100
PADDING = 0.12  # of the shown range
ROOM = 0.16  # of the shown range, for the name of a series at the edge
GREY = "#555555"


def far_from_rest(values: Mapping[str, float]) -> list[str]:
    """The names whose value is far from the median of all, by both measures; none below three names."""
    known = np.array([value for value in values.values() if np.isfinite(value)])
    if known.size < 3:
        return []
    middle = np.median(known)
    reach = max(FAR_DEVIATIONS * float(np.median(np.abs(known - middle))), FAR_POINTS)
    return [name for name, value in values.items() if abs(value - middle) > reach]


def focus_series(axes: Axes, series: Mapping[str, np.ndarray]) -> None:
    """Fit the y axis to the series, `[value]` by name, that are not far; name the others at the edge."""
    far = far_from_rest(_means(series))
    if not far:
        return
    low, high = _limits(series, far)
    lines = {name: _means(series)[name] for name in far}
    below = [name for name in far if lines[name] < low]
    above = [name for name in far if name not in below]
    room = ROOM * (high - low)
    axes.set_ylim(low - room * len(below), high + room * len(above))
    for place, name in enumerate([*below, *above]):
        is_low = name in below
        y = 0.1 + 0.09 * place if is_low else 0.97 - 0.09 * (place - len(below))
        axes.text(0.04, y, f"{'↓' if is_low else '↑'} {' '.join(name.split())} {_number(lines[name])}",
                  va="bottom" if is_low else "top", transform=axes.transAxes, fontsize=TICK_SIZE,
                  color=GREY)  # fmt: skip


def focus_rows(axes: Axes, rows: Mapping[int, np.ndarray]) -> None:
    """The same along x for the values `[value]` of each line: those far off are printed at the edge."""
    series = {str(line): values for line, values in rows.items()}
    far = far_from_rest(_means(series))
    if not far:
        return
    low, high = _limits(series, far)
    axes.set_xlim(low, high)
    for line in far:
        value = _means(series)[line]
        is_low, number = value < low, _number(value)
        text, x, edge = (f"← {number}", 0.03, "left") if is_low else (f"{number} →", 0.97, "right")
        axes.text(x, int(line), text, ha=edge, va="center", transform=axes.get_yaxis_transform(),
                  fontsize=TICK_SIZE, color=GREY)  # fmt: skip


def _means(series: Mapping[str, np.ndarray]) -> dict[str, float]:
    known = {name: values[np.isfinite(values)] for name, values in series.items()}
    return {name: float(values.mean()) for name, values in known.items() if values.size}


def _limits(series: Mapping[str, np.ndarray], far: list[str]) -> tuple[float, float]:
    near = np.concatenate([values for name, values in series.items() if name not in far])
    low, high = float(np.nanmin(near)), float(np.nanmax(near))
    pad = PADDING * (high - low) or 0.5
    return low - pad, high + pad


def _number(value: float) -> str:
    return f"{value:.1f}".replace("-", "−")
