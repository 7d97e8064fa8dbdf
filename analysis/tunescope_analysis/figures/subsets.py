"""Differences between subsets chosen by Fisher information and random ones."""

import pandas as pd
from matplotlib.figure import Figure

from tunescope_analysis.figures.grid import colour_of, new_figure, panel_grid, style_plot
from tunescope_analysis.labels import method_label, order_tasks


def subsets_figure(differences: pd.DataFrame) -> Figure:
    """A panel a method, a line a task: chosen − random × 100, a dot a seed, a bar at their mean."""
    methods = sorted(set(differences["method"]))
    tasks = order_tasks(differences["task"])
    grid = panel_grid(len(methods), columns=3, width=3.0, height=max(0.9, 0.34 * len(tasks)))
    figure = new_figure(
        grid, "Chosen by Fisher information less random, × 100", "a dot a seed, a bar the mean"
    )
    for place, method in enumerate(methods):
        axes = grid.axes(figure, place)
        style_plot(axes)
        axes.set_title(method_label(method), fontsize=8.5, pad=4)
        own = differences[differences["method"] == method]
        axes.axvline(0, color="#000000", linewidth=0.8)
        for line, task in enumerate(tasks):
            values = 100 * own.loc[own["task"] == task, "difference"]
            axes.plot(values, [line] * len(values), "o", color=colour_of(0), markersize=4.5, alpha=0.6)
            axes.plot(values.mean(), line, "|", color=colour_of(1), markersize=16, markeredgewidth=2.2)
        axes.set_ylim(len(tasks) - 0.5, -0.5)
        axes.set_yticks(range(len(tasks)), tasks if place % grid.columns == 0 else [])
    return figure
