"""Differences between subsets chosen by Fisher information and their controls."""

import pandas as pd
from matplotlib.figure import Figure

from tunescope_analysis.io.vocabulary import order_tasks
from tunescope_analysis.report.drawing.panel_grid import (
    TEXT_SIZE,
    colour_of,
    label_rows,
    new_figure,
    row_grid,
    style_plot,
)
from tunescope_analysis.report.labels import method_label
from tunescope_analysis.topics.subsets.table import CONTROLS, control_kind


def subsets_figure(differences: pd.DataFrame) -> Figure:
    """A panel per method and control, a line per task.

    Chosen − control × 100: a dot per seed, a bar at their mean.
    """
    pairs = list(differences.groupby(["method", "control"], sort=False))
    tasks = order_tasks(differences["task"])
    grid = row_grid(len(pairs), tasks, row_height=0.2)
    figure = new_figure(grid, "Fisher subset less its control, score × 100", "a dot a seed, a bar the mean")
    for place, ((method, control), own) in enumerate(pairs):
        axes = grid.axes(figure, place)
        style_plot(
            axes, f"{method_label(method)}\nless {CONTROLS[control_kind(control)]}".replace("\n", " ", 1)
        )
        axes.axvline(0, color="#000000", linewidth=0.6)
        for line, task in enumerate(tasks):
            values = 100 * own.loc[own["task"] == task, "difference"]
            axes.plot(values, [line] * len(values), "o", color=colour_of(0), markersize=3.5, alpha=0.6)
            axes.plot(values.mean(), line, "|", color=colour_of(1), markersize=11, markeredgewidth=1.8)
        label_rows(axes, tasks, is_first=place % grid.columns == 0)
        axes.locator_params(axis="x", nbins=5)
        axes.set_xlabel("difference × 100", fontsize=TEXT_SIZE, labelpad=2)
    return figure
