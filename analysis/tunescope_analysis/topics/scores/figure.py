"""Scores by task and method."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from tunescope_analysis.io.vocabulary import order_tasks
from tunescope_analysis.report.drawing.axis_limits import focus_rows
from tunescope_analysis.report.drawing.panel_grid import (
    TEXT_SIZE,
    colour_of,
    label_rows,
    marker_of,
    new_figure,
    row_grid,
    style_plot,
)
from tunescope_analysis.report.labels import method_label, metric_label
from tunescope_analysis.topics.scores.table import order_methods


def scores_figure(table: pd.DataFrame) -> Figure:
    """A panel per task, a line per method: mean score × 100 as a dot, ± one standard deviation as a bar."""
    tasks, methods = order_tasks(table["task"]), order_methods(table)
    labels = [method_label(method) for method in methods]
    grid = row_grid(len(tasks), labels)
    bar = "; bars: ± one standard deviation over seeds" if (table["seeds"] > 1).any() else "; one seed"
    figure = new_figure(grid, "Dev-set scores × 100", f"dots: mean at the best learning rate{bar}")
    for place, task in enumerate(tasks):
        axes = grid.axes(figure, place)
        style_plot(axes, task)
        _draw_scores(axes, table[table["task"] == task].set_index("method"), methods)
        label_rows(axes, labels, is_first=place % grid.columns == 0)
    return figure


def _draw_scores(axes: Axes, rows: pd.DataFrame, methods: list[str]) -> None:
    shown: dict[int, np.ndarray] = {}
    for place, method in enumerate(methods):
        if method not in rows.index or not np.isfinite(rows.loc[method, "mean"]):
            state = rows.loc[method, "state"] if method in rows.index else "not run"
            axes.text(0.5, place, str(state), transform=axes.get_yaxis_transform(), ha="center", va="center",
                      fontsize=TEXT_SIZE, color="#666666", style="italic")  # fmt: skip
            continue
        row = rows.loc[method]
        reach = 0.0 if np.isnan(row["standard_deviation"]) else row["standard_deviation"]
        shown[place] = 100 * np.array([row["mean"] - reach, row["mean"] + reach])
        error = None if np.isnan(row["standard_deviation"]) else 100 * row["standard_deviation"]
        axes.errorbar(100 * row["mean"], place, xerr=error, fmt=marker_of(place), markersize=4.5,
                      color=colour_of(place), capsize=2, linewidth=1.0)  # fmt: skip
    axes.margins(x=0.12)
    focus_rows(axes, shown)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=4, prune="lower"))  # the neighbour's labels end there
    metric = next((metric for metric in rows["metric"] if metric), "")
    axes.set_xlabel(metric_label(str(metric)), fontsize=TEXT_SIZE, labelpad=2)
