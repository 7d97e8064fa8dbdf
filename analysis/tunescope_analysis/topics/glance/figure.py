"""The figures that a report opens with: small, one message each, read beside each other."""

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from tunescope_analysis.report.drawing.axis_limits import focus_series
from tunescope_analysis.report.drawing.heat_map import draw_single_map
from tunescope_analysis.report.drawing.panel_grid import (
    COLUMN_WIDTH,
    TEXT_SIZE,
    colour_of,
    marker_of,
    style_plot,
)
from tunescope_analysis.report.labels import method_label

FIGURE_SIZE = (COLUMN_WIDTH, 4.1)  # inches: three of them side by side on a laptop's first screen
MAX_NAMED = 8  # methods: more names beside their markers would cover one another
NAME_HEIGHT = 0.045  # of a name, as a fraction of the axes' height


def shares_figure(averages: pd.DataFrame) -> Figure:
    """Average score × 100 against the share of parameters that a method trains, of those with an average.

    `averages` is from `average_table`. Its intervals, which of few seeds are wide, are in a larger figure.
    """
    known = averages[averages["average"].notna()]
    figure = Figure(figsize=FIGURE_SIZE, facecolor="white")
    axes = figure.add_axes((0.14, 0.12, 0.82, 0.84))
    style_plot(axes)
    for place, row in enumerate(known.itertuples()):
        axes.plot(100 * row.share, 100 * row.average, marker_of(place), color=colour_of(place), markersize=8,
                  label=method_label(row.method))  # fmt: skip
    axes.set_xscale("log")
    axes.margins(x=0.12, y=0.12)
    labels = [method_label(method) for method in known["method"]]
    focus_series(axes, {label: 100 * known.iloc[[place]]["average"].to_numpy(float)
                        for place, label in enumerate(labels)})  # fmt: skip
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} %"))
    axes.set_xlabel("share of the parameters that train (log scale)", fontsize=TEXT_SIZE + 1)
    axes.set_ylabel("mean score × 100 over tasks and seeds", fontsize=TEXT_SIZE + 1)
    axes.tick_params(labelsize=TEXT_SIZE)
    if len(known) > MAX_NAMED:
        axes.legend(fontsize=TEXT_SIZE - 1, loc="lower right")
    else:
        _name_markers(axes, known, labels)
    return figure


def single_map_figure(values: xr.DataArray, label: str) -> Figure:
    """One heat map, component by layer; `values` is `[layer, component]`, `label` what the colours are."""
    return draw_single_map(values, label, FIGURE_SIZE)


def _name_markers(axes: Axes, known: pd.DataFrame, labels: list[str]) -> None:
    """Names on the side on which the axes have room, moved apart from the top down."""
    low, high = axes.get_xlim()
    middle = np.sqrt(low * high)
    bottom, top = axes.get_ylim()
    height = top - bottom
    taken: dict[bool, float] = {}
    for place in np.argsort(-known["average"].to_numpy(float)):
        x, y = 100 * known["share"].iloc[place], 100 * known["average"].iloc[place]
        if not bottom <= y <= top:
            continue  # named at the edge
        is_left = bool(x < middle)
        lines = labels[place].count("\n") + 1
        where = min(y, taken.get(is_left, np.inf) - NAME_HEIGHT * height * lines / 2)
        taken[is_left] = where - NAME_HEIGHT * height * (lines / 2 + 0.2)
        axes.annotate(labels[place], (x, where), xytext=(9 if is_left else -9, 0), textcoords="offset points",
                      ha="left" if is_left else "right", va="center", fontsize=TEXT_SIZE + 0.5,
                      color=colour_of(int(place)))  # fmt: skip
