"""Scores of several files side by side."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from tunescope_analysis.figures.grid import Grid, add_legend, colour_of, marker_of, new_figure, style_plot
from tunescope_analysis.labels import method_label, order_tasks
from tunescope_analysis.scores import order_methods

LANE = 0.6  # of the room a method has, that its files share


def comparison_figure(table: pd.DataFrame) -> Figure:
    """A panel a task, a line a method, a marker a file: mean × 100 and ± one standard deviation."""
    tasks, methods = order_tasks(table["task"]), order_methods(table)
    files = list(dict.fromkeys(table["file"]))
    labels = [method_label(method) for method in methods]
    left = 0.35 + 0.075 * max(len(line) for label in labels for line in label.split("\n"))
    columns = min(4, len(tasks))
    height = max(0.9, (0.26 + 0.14 * len(files)) * len(methods))
    grid = Grid(-(-len(tasks) // columns), columns, 3.6 if columns == 1 else 2.3, height, left, top=1.0,
                bottom=0.5, row_gap=0.7)  # fmt: skip
    figure = new_figure(grid, "Dev-set scores × 100, file by file")
    for place, task in enumerate(tasks):
        axes = grid.axes(figure, place)
        style_plot(axes, task)
        for series, file in enumerate(files):
            rows = table[(table["task"] == task) & (table["file"] == file)].set_index("method")
            own = rows.reindex(methods)
            y = np.arange(len(methods)) + LANE * ((series + 0.5) / len(files) - 0.5)
            axes.errorbar(100 * own["mean"], y, xerr=100 * own["standard_deviation"].fillna(0.0),
                          fmt=marker_of(series), color=colour_of(series), markersize=5, capsize=2,
                          linestyle="none", label=file)  # fmt: skip
        axes.set_ylim(len(methods) - 0.5, -0.5)
        axes.set_yticks(range(len(methods)), labels if place % columns == 0 else [])
        axes.locator_params(axis="x", nbins=4)
    add_legend(figure, grid)
    return figure
