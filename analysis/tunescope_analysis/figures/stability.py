"""Agreement of Fisher rankings against the setting that differs."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tunescope_analysis.agreement import AGREEMENTS
from tunescope_analysis.figures.grid import Grid, add_legend, colour_of, marker_of, new_figure, style_plot
from tunescope_analysis.labels import FACTOR_LABELS, order_tasks
from tunescope_analysis.stability import FACTORS, LEVELS, setting_order


def stability_figure(against: pd.DataFrame, level: str) -> Figure:
    """A row a measure of agreement, a column a setting that differs, a line a task.

    `against` is from `against_reference`; the rows of `level` are drawn. A dotted line marks the reference's
    own value.
    """
    rows = against[against["level"] == level]
    factors = [factor for factor in FACTORS if (rows["differs"] == factor).any()]
    grid = Grid(len(AGREEMENTS), len(factors), panel_width=max(1.7, 3.4 / len(factors)), panel_height=1.35,
                left=0.95, top=0.95, bottom=0.62, gap=0.22, row_gap=0.2)  # fmt: skip
    items = f"ranking of {LEVELS[level]}"
    figure = new_figure(grid, f"Agreement with the reference run, {items}")
    tasks = order_tasks(rows["task"])
    for line, (name, label) in enumerate(AGREEMENTS.items()):
        low = min(0.0, float(rows[name].min(skipna=True)))
        for column, factor in enumerate(factors):
            axes = grid.axes(figure, line * len(factors) + column)
            style_plot(axes, FACTOR_LABELS[factor] if line == 0 else "")
            _draw_factor(axes, rows[rows["differs"] == factor], name, tasks)
            axes.set_ylim(low - 0.05, 1.05)
            if column == 0:
                axes.set_ylabel(label, fontsize=8.5)
            else:
                axes.set_yticklabels([])
            if line < len(AGREEMENTS) - 1:
                axes.set_xticklabels([])
    add_legend(figure, grid, columns=8)
    return figure


def _draw_factor(axes: Axes, rows: pd.DataFrame, name: str, tasks: list[str]) -> None:
    values = sorted({*rows["value"], *rows["reference"]}, key=setting_order)
    places = {value: place for place, value in enumerate(values)}
    is_ordered = all(np.isfinite(setting_order(value)[0]) for value in values)
    for reference in set(rows["reference"]) - {""}:
        axes.axvline(places[reference], color="#999999", linewidth=1.0, linestyle=":")
    for series, task in enumerate(tasks):
        own = rows[rows["task"] == task].assign(place=lambda frame: frame["value"].map(places))
        own = own.sort_values("place")
        line = "-" if is_ordered else ""
        axes.plot(own["place"], own[name], marker_of(series) + line, color=colour_of(series), markersize=5,
                  linewidth=1.0, alpha=0.85, label=task)  # fmt: skip
    axes.set_xlim(-0.5, len(values) - 0.5)
    axes.set_xticks(range(len(values)), [value or "other seed" for value in values])
    if max(map(len, values)) * len(values) > 18:
        for label in axes.get_xticklabels():
            label.set(rotation=25, ha="right")
