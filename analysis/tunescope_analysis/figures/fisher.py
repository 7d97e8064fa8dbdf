"""Fisher information over depth, and against parameter change."""

import textwrap

import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator, StrMethodFormatter

from tunescope_analysis.figures.grid import (
    ONE_LINE,
    TEXT_SIZE,
    TICK_SIZE,
    add_legend,
    colour_of,
    marker_of,
    new_figure,
    panel_grid,
    style_plot,
)
from tunescope_analysis.io.vocabulary import is_layernorm, is_output_layernorm, order_tasks
from tunescope_analysis.labels import FORMULAS

NOTE_ROOM = 0.12  # of an axis, below the data
NARROW = 100.0  # a range of a log axis in which powers of ten alone would be too few ticks
KINDS = ("output LayerNorm", "other LayerNorm", "other bias", "other weight")


def depth_figure(profile: xr.DataArray, quantity: str) -> Figure:
    """A panel a task, a line a part: `[task, part, layer]` (log axis) over the numbered layers.

    `quantity` says in words what the values are.
    """
    tasks = [str(task) for task in profile["task"].values]
    grid = panel_grid(len(tasks), left=0.68, legend=ONE_LINE)
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
        _log_axes(axes, "y")
        if place % grid.columns == 0:
            axes.set_ylabel(textwrap.fill(quantity, 24), fontsize=TICK_SIZE)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
        axes.set_xlabel("layer", fontsize=TEXT_SIZE, labelpad=2)
    add_legend(figure, grid)
    return figure


def fisher_change_figure(frame: pd.DataFrame, measure: str = "mean_abs") -> Figure:
    """A panel a task, a marker a tensor: change against Fisher information per scalar, both on log axes."""
    tasks = order_tasks(frame["task"])
    grid = panel_grid(len(tasks), left=0.6, legend=ONE_LINE)
    figure = new_figure(grid, "Change of each tensor against its Fisher information")
    for place, task in enumerate(tasks):
        axes = grid.axes(figure, place)
        style_plot(axes, task)
        _scatter(axes, frame[frame["task"] == task], measure)
        axes.set_xlabel("Fisher information per scalar", fontsize=TEXT_SIZE, labelpad=2)
        if place % grid.columns == 0:
            axes.set_ylabel(FORMULAS.get(measure, measure), fontsize=TEXT_SIZE)
    add_legend(figure, grid)
    return figure


def kind_of(component: str) -> str:
    """Which of `KINDS` a tensor is of."""
    if is_output_layernorm(component):
        return KINDS[0]
    if is_layernorm(component):
        return KINDS[1]
    return KINDS[2] if component.endswith("bias") else KINDS[3]


def _scatter(axes: Axes, rows: pd.DataFrame, measure: str) -> None:
    drawn = rows[(rows["fisher"] > 0) & (rows[measure] > 0)]
    kinds = drawn["component"].map(kind_of)
    for place, kind in reversed(list(enumerate(KINDS))):
        own = drawn[kinds == kind]
        axes.plot(own["fisher"], own[measure], marker_of(place), color=colour_of(place), markersize=2.5,
                  alpha=0.75, label=kind)  # fmt: skip
    _log_axes(axes, "xy")
    hidden = len(rows) - len(drawn)
    if hidden:
        low, high = axes.get_ylim()
        axes.set_ylim(low * (low / high) ** NOTE_ROOM, high)
        axes.text(0.03, 0.03, f"{hidden} at zero not drawn", transform=axes.transAxes, fontsize=TICK_SIZE,
                  color="#555555")  # fmt: skip


def _log_axes(axes: Axes, names: str) -> None:
    """Log scales with few enough ticks for a small panel; below two decades some between powers of ten."""
    for name in names:
        axes.set(**{f"{name}scale": "log"})
        low, high = getattr(axes, f"get_{name}lim")()
        axis = getattr(axes, f"{name}axis")
        axis.set_major_locator(LogLocator(numticks=4))
        axis.set_minor_locator(NullLocator())
        if high < NARROW * low:
            axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if high > 5 * low else range(1, 10)))
            axis.set_major_formatter(StrMethodFormatter("{x:g}"))
