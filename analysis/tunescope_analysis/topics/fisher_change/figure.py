"""Change of each tensor against its Fisher information."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tunescope_analysis.io.vocabulary import is_layernorm, is_output_layernorm, order_tasks
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
from tunescope_analysis.report.labels import FORMULAS

NOTE_ROOM = 0.12  # of an axis, below the data
TENSOR_KINDS = ("output LayerNorm", "other LayerNorm", "other bias", "other weight")


def fisher_change_figure(frame: pd.DataFrame, measure: str = "mean_abs") -> Figure:
    """A panel per task, a marker per tensor: change against Fisher information per scalar, on log axes."""
    tasks = order_tasks(frame["task"])
    grid = panel_grid(len(tasks), left=0.6, legend=ONE_LINE_LEGEND)
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
    """The one of `TENSOR_KINDS` that a tensor belongs to."""
    if is_output_layernorm(component):
        return TENSOR_KINDS[0]
    if is_layernorm(component):
        return TENSOR_KINDS[1]
    return TENSOR_KINDS[2] if component.endswith("bias") else TENSOR_KINDS[3]


def _scatter(axes: Axes, rows: pd.DataFrame, measure: str) -> None:
    drawn = rows[(rows["fisher"] > 0) & (rows[measure] > 0)]
    kinds = drawn["component"].map(kind_of)
    for place, kind in reversed(list(enumerate(TENSOR_KINDS))):
        own = drawn[kinds == kind]
        axes.plot(own["fisher"], own[measure], marker_of(place), color=colour_of(place), markersize=2.5,
                  alpha=0.75, label=kind)  # fmt: skip
    set_log_scales(axes, "xy")
    hidden = len(rows) - len(drawn)
    if hidden:
        low, high = axes.get_ylim()
        axes.set_ylim(low * (low / high) ** NOTE_ROOM, high)
        axes.text(0.03, 0.03, f"{hidden} at zero not drawn", transform=axes.transAxes, fontsize=TICK_SIZE,
                  color="#555555")  # fmt: skip
