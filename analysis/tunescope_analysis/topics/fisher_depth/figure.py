"""A quantity over depth."""

import textwrap

import xarray as xr
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from tunescope_analysis.report.drawing.axis_limits import set_log_scales
from tunescope_analysis.report.drawing.panel_grid import (
    ONE_LINE_LEGEND,
    TEXT_SIZE,
    TICK_SIZE,
    add_legend,
    colour_of,
    marker_of,
    new_figure,
    panel_grid,
    style_plot,
)


def depth_figure(profile: xr.DataArray, quantity: str) -> Figure:
    """A panel per task, a line per part: `[task, part, layer]` (log axis) over the numbered layers.

    `quantity` says in words what the values are.
    """
    tasks = [str(task) for task in profile["task"].values]
    grid = panel_grid(len(tasks), left=0.68, legend=ONE_LINE_LEGEND)
    figure = new_figure(grid, f"{quantity} over depth")
    for place, task in enumerate(tasks):
        axes = grid.axes(figure, place)
        style_plot(axes, task)
        for series, part in enumerate(profile["part"].values):
            values = profile.sel(task=task, part=part)
            layers = [int(layer) for layer in values["layer"].values]
            drawn = values.where(values > 0).values
            axes.plot(layers, drawn, marker_of(series) + "-", color=colour_of(series), markersize=2.5,
                      linewidth=0.9, label=str(part))  # fmt: skip
        set_log_scales(axes, "y")
        if place % grid.columns == 0:
            axes.set_ylabel(textwrap.fill(quantity, 24), fontsize=TICK_SIZE)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
        axes.set_xlabel("layer", fontsize=TEXT_SIZE, labelpad=2)
    add_legend(figure, grid)
    return figure
