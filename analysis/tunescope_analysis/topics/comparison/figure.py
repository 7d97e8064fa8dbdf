"""Scores of several files side by side."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from tunescope_analysis.io.vocabulary import order_tasks
from tunescope_analysis.report.drawing.axis_limits import focus_rows
from tunescope_analysis.report.drawing.panel_grid import (
    add_legend,
    colour_of,
    label_rows,
    marker_of,
    new_figure,
    row_grid,
    style_plot,
)
from tunescope_analysis.report.labels import method_label
from tunescope_analysis.topics.scores.table import order_methods

SHARED_ROOM = 0.6  # the part of a method's line that its files share


def comparison_figure(table: pd.DataFrame) -> Figure:
    """A panel per task, a line per method, a marker per file: mean × 100 and ± one standard deviation."""
    tasks, methods = order_tasks(table["task"]), order_methods(table)
    files = list(dict.fromkeys(table["file"]))
    labels = [method_label(method) for method in methods]
    grid = row_grid(len(tasks), labels, row_height=0.2 + 0.1 * len(files))
    figure = new_figure(grid, "Dev-set scores × 100, file by file")
    for place, task in enumerate(tasks):
        axes = grid.axes(figure, place)
        style_plot(axes, task)
        for series, file in enumerate(files):
            rows = table[(table["task"] == task) & (table["file"] == file)].set_index("method")
            own = rows.reindex(methods)
            y = np.arange(len(methods)) + SHARED_ROOM * ((series + 0.5) / len(files) - 0.5)
            axes.errorbar(100 * own["mean"], y, xerr=100 * own["standard_deviation"].fillna(0.0),
                          fmt=marker_of(series), color=colour_of(series), markersize=4, capsize=1.5,
                          linestyle="none", linewidth=1.0, label=file)  # fmt: skip
        focus_rows(axes, _ends(table[table["task"] == task], methods))
        label_rows(axes, labels, is_first=place % grid.columns == 0)
        axes.locator_params(axis="x", nbins=4)
    add_legend(figure, grid)
    return figure


def _ends(rows: pd.DataFrame, methods: list[str]) -> dict[int, np.ndarray]:
    """Both ends of a method's bars in all files, by the line of the method."""
    mean, reach = 100 * rows["mean"], 100 * rows["standard_deviation"].fillna(0.0)
    ends = pd.concat([mean - reach, mean + reach])
    owners = pd.concat([rows["method"], rows["method"]])
    return {
        place: ends[(owners == method).to_numpy()].to_numpy(float) for place, method in enumerate(methods)
    }
