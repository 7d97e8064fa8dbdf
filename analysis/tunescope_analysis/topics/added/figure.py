"""How far added tensors moved, layer by layer."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from tunescope_analysis.io.vocabulary import METHODS, method_parts
from tunescope_analysis.report.drawing.axis_limits import set_log_scales
from tunescope_analysis.report.drawing.panel_grid import (
    LINE_HEIGHT,
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
from tunescope_analysis.report.labels import component_label
from tunescope_analysis.topics.added.table import with_both

MERGED, FULL = "weight, merged", "weight, full fine-tuning"
SERIES = ("A", "B", "vector", MERGED, FULL, "D", "d", "U", "u")


def added_figure(table: pd.DataFrame) -> Figure:
    """A panel per method and linear layer: relative change over the layers (log axis), the mean over tasks.

    A line per added tensor, one of the weight with everything merged into it, and one of the same weight
    after full fine-tuning.
    """
    panels = list(table.groupby(["method", "target"], sort=False))
    titles = short_names([str(method) for method in table["method"].unique()])
    grid = panel_grid(len(panels), left=0.62, legend=ONE_LINE_LEGEND + LINE_HEIGHT)
    figure = new_figure(grid, "Relative change of added tensors and of the weights they are added to")
    for place, ((method, target), own) in enumerate(panels):
        axes = grid.axes(figure, place)
        style_plot(axes, f"{titles[str(method)]}\n{component_label(str(target))}")
        for name, values in _lines(own).items():
            number = SERIES.index(name)
            axes.plot(values.index, values, marker_of(number) + "-", color=colour_of(number), markersize=2.5,
                      linewidth=0.9, label=name)  # fmt: skip
        set_log_scales(axes, "y")
        if place % grid.columns == 0:
            axes.set_ylabel("relative change", fontsize=TICK_SIZE)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
        axes.set_xlabel("layer", fontsize=TEXT_SIZE, labelpad=2)
    add_legend(figure, grid, columns=len(SERIES))
    return figure


def short_names(methods: list[str]) -> dict[str, str]:
    """Methods in words without their options, but for those in which methods of the same words differ."""
    parts = {method: [part.partition(":") for part in method_parts(method)] for method in methods}
    words = {
        method: " + ".join(METHODS.get(name, name) for name, _, _ in parts[method]) for method in methods
    }
    options = {
        method: [option for _, _, own in parts[method] for option in own.split(",") if option]
        for method in methods
    }
    names = {}
    for method in methods:
        alike = [options[other] for other in methods if words[other] == words[method]]
        own = [option for option in options[method] if not all(option in other for other in alike)]
        names[method] = " ".join([words[method], *own])
    return names


def _lines(own: pd.DataFrame) -> dict[str, pd.Series]:
    """By series: values above zero over the numbers of the layers."""
    own = own.assign(layer=own["layer"].astype(int))
    lines = {str(kind): rows.groupby("layer")["change"].mean() for kind, rows in own.groupby("kind")}
    weights = with_both(own).groupby("layer")
    lines |= {MERGED: weights["merged"].mean(), FULL: weights["full"].mean()}
    return {
        name: values[values > 0]
        for name in SERIES
        if (values := lines.get(name)) is not None and (values > 0).any()
    }
