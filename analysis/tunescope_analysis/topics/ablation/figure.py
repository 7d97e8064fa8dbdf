"""What a group of changes is worth, alone and to all others."""

import pandas as pd
from matplotlib.figure import Figure

from tunescope_analysis.io.vocabulary import order_tasks
from tunescope_analysis.report.drawing.panel_grid import (
    ONE_LINE_LEGEND,
    TEXT_SIZE,
    add_legend,
    colour_of,
    label_rows,
    marker_of,
    new_figure,
    row_grid,
    style_plot,
)
from tunescope_analysis.report.labels import method_label

TITLES = {"lost": "lost if the group is put back", "kept": "kept if all but the group is put back"}


def ablation_figure(means: pd.DataFrame) -> Figure:
    """Two panels, a line per group of scalars: shares lost and kept, a marker per task, a bar at the mean."""
    lines = list(dict.fromkeys(zip(means["method"], means["group"], strict=True)))
    is_of_one = means["method"].nunique() == 1
    labels = [method_label(group) if is_of_one else f"{method}: {group}" for method, group in lines]
    means = means.set_index(["method", "group"])
    tasks = order_tasks(means["task"])
    grid = row_grid(len(TITLES), labels, row_height=0.2, legend=ONE_LINE_LEGEND)
    figure = new_figure(grid, "Share of what training gains: a marker a task, a bar the mean")
    for place, (share, title) in enumerate(TITLES.items()):
        axes = grid.axes(figure, place)
        style_plot(axes, title)
        for end in (0, 1):
            axes.axvline(end, color="#000000", linewidth=0.6)
        for number, task in enumerate(tasks):
            own = means.loc[means["task"] == task, share].reindex(lines)
            axes.plot(own, range(len(lines)), marker_of(number), color=colour_of(number), markersize=3.5,
                      alpha=0.75, label=task)  # fmt: skip
        overall = means[share].groupby(level=[0, 1]).mean().reindex(lines)
        axes.plot(overall, range(len(lines)), "|", color="#000000", markersize=11, markeredgewidth=1.4)
        label_rows(axes, labels, is_first=place % grid.columns == 0)
        axes.locator_params(axis="x", nbins=5)
        axes.set_xlabel("share", fontsize=TEXT_SIZE, labelpad=2)
    add_legend(figure, grid, columns=len(tasks))
    return figure
