"""The gap to full fine-tuning over training-set size."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from tunescope_analysis.report.drawing.axis_limits import focus_series
from tunescope_analysis.report.drawing.panel_grid import (
    TEXT_SIZE,
    TICK_SIZE,
    UNTITLED_ROOM,
    add_legend,
    colour_of,
    legend_room,
    marker_of,
    new_figure,
    panel_grid,
    style_plot,
)
from tunescope_analysis.report.labels import method_label


def sizes_figure(gaps: pd.DataFrame, methods: list[str]) -> Figure:
    """Gap to `full` × 100 over training examples (log axis): a marker per task, a line through the means.

    `methods` has also those without a gap, so that the others look as elsewhere. Tasks of nearly the same
    size, to a tenth of a power of ten, are named together.
    """
    series = {place: method for place, method in enumerate(methods) if method in set(gaps["method"])}
    labels = [method_label(method) for method in series.values()]
    names = 0.42  # inches: task names stand above the panel
    grid = panel_grid(1, height=2.1, legend=legend_room(labels, 2) + names - UNTITLED_ROOM)
    figure = new_figure(grid, "Score less full fine-tuning's, × 100")
    axes = grid.axes(figure, 0)
    style_plot(axes)
    axes.axhline(0, color="#000000", linewidth=0.8)
    for place, method in series.items():
        own = gaps[gaps["method"] == method]
        means = own.groupby("train_examples")["gap"].mean()
        axes.plot(means.index, 100 * means, color=colour_of(place), linewidth=0.8)
        axes.plot(own["train_examples"], 100 * own["gap"], marker_of(place), color=colour_of(place),
                  markersize=4, alpha=0.75, label=method_label(method))  # fmt: skip
    axes.set_ylabel("difference × 100", fontsize=TEXT_SIZE)
    focus_series(axes, {label: 100 * gaps.loc[gaps["method"] == method, "gap"].to_numpy(float)
                        for method, label in zip(series.values(), labels, strict=True)})  # fmt: skip
    sizes = gaps.drop_duplicates(["task", "train_examples"]).sort_values("train_examples")
    for place, group in sizes.groupby(np.log10(sizes["train_examples"]).round(1)):
        axes.text(10**place, 1.01, ", ".join(dict.fromkeys(group["task"])), fontsize=TICK_SIZE, rotation=90,
                  transform=axes.get_xaxis_transform(), ha="center", va="bottom")  # fmt: skip
    axes.set_xscale("log")
    axes.set_xlabel("training examples", fontsize=TEXT_SIZE, labelpad=2)
    add_legend(figure, grid, 2)
    return figure
