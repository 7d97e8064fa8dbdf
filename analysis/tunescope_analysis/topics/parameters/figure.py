"""Average scores against trainable parameters."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from tunescope_analysis.report.drawing.axis_limits import focus_series
from tunescope_analysis.report.drawing.panel_grid import (
    TEXT_SIZE,
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

LEGEND_COLUMNS = 2
DODGE = 1.25  # between methods with the same number of parameters, so that their intervals do not cover


def parameters_figure(averages: pd.DataFrame) -> Figure:
    """Average score × 100 over tasks against trainable parameters, of the methods that have an average.

    `averages` is from `average_table`; bars are its intervals. Methods of the same size stand side by side.
    """
    known = averages[averages["average"].notna()]
    labels = [method_label(method) for method in known["method"]]
    grid = panel_grid(1, height=2.1, legend=legend_room(labels, LEGEND_COLUMNS) - UNTITLED_ROOM)
    figure = new_figure(grid, "Score against trainable parameters")
    axes = grid.axes(figure, 0)
    style_plot(axes)
    drawn: list[float] = []
    for place, row in enumerate(known.itertuples()):
        x = row.trainable_parameters * DODGE ** drawn.count(row.trainable_parameters)
        drawn.append(row.trainable_parameters)
        reach = [[100 * (row.average - row.low)], [100 * (row.high - row.average)]]
        axes.errorbar(x, 100 * row.average,
                      yerr=None if np.isnan(row.low) else reach, fmt=marker_of(place), color=colour_of(place),
                      markersize=5.5, capsize=2.5, alpha=0.85, label=labels[place])  # fmt: skip
    axes.set_xscale("log")
    axes.margins(y=0.15)
    focus_series(axes, {label: 100 * known.iloc[[place]][["low", "average", "high"]].to_numpy(float).ravel()
                        for place, label in enumerate(labels)})  # fmt: skip
    low, high = np.maximum(axes.dataLim.intervalx, 1)
    axes.set_xlim(10 ** np.floor(np.log10(low / 1.3)), 10 ** np.ceil(np.log10(high * 1.3)))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("trainable parameters (log scale)", fontsize=TEXT_SIZE)
    axes.set_ylabel("mean score × 100", fontsize=TEXT_SIZE)
    add_legend(figure, grid, LEGEND_COLUMNS)
    return figure
