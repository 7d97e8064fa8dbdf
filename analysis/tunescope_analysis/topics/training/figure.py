"""How training went: learning rates, learning curves, seeds, and the best of a budget of trials."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FormatStrFormatter, LogLocator, MaxNLocator, NullFormatter, StrMethodFormatter

from tunescope_analysis.io.vocabulary import order_tasks
from tunescope_analysis.report.drawing.axis_limits import focus_series
from tunescope_analysis.report.drawing.panel_grid import (
    TEXT_SIZE,
    Grid,
    add_legend,
    colour_of,
    legend_room,
    marker_of,
    new_figure,
    panel_grid,
    style_plot,
)
from tunescope_analysis.report.labels import method_label

LEGEND_COLUMNS = 4


def rates_figure(rates: pd.DataFrame, methods: list[str]) -> Figure:
    """A panel per task, a line per method: mean score × 100 over learning rates; a cross if any diverged."""
    figure, grid, panels = _panels("Score × 100 by learning rate", rates, methods)
    for task, axes in panels:
        for place, method in enumerate(methods):
            own = _rows_of(rates, task, method).sort_values("learning_rate")
            _draw_line(axes, own["learning_rate"], own, (place, method))
            bad = own[own["diverged"] > 0]
            axes.plot(bad["learning_rate"], [0.04] * len(bad), "x", color=colour_of(place), markersize=4,
                      transform=axes.get_xaxis_transform())  # fmt: skip
        _focus(axes, rates[rates["task"] == task], "mean")
        axes.set_xscale("log")
        _label_rates(axes)
        axes.set_xlabel("learning rate", fontsize=TEXT_SIZE, labelpad=2)
    add_legend(figure, grid, LEGEND_COLUMNS)
    return figure


def curves_figure(curves: pd.DataFrame, methods: list[str]) -> Figure:
    """A panel per task, a line per method: mean dev metric × 100 over epochs, ± one standard deviation."""
    figure, grid, panels = _panels("Dev metric × 100 during training", curves, methods)
    for task, axes in panels:
        for place, method in enumerate(methods):
            own = _rows_of(curves, task, method).sort_values("epoch")
            _draw_line(axes, own["epoch"], own, (place, method))
        _focus(axes, curves[curves["task"] == task], "mean")
        axes.set_xlabel("epoch", fontsize=TEXT_SIZE, labelpad=2)
    add_legend(figure, grid, LEGEND_COLUMNS)
    return figure


def seeds_figure(scores: pd.DataFrame, methods: list[str]) -> Figure:
    """A panel per task, a column per method: the score × 100 of every seed, a bar at their mean."""
    figure, grid, panels = _panels("Score × 100 of every seed", scores, methods)
    for task, axes in panels:
        for place, method in enumerate(methods):
            values = 100 * _rows_of(scores, task, method)["score"]
            if len(values):
                axes.plot([place] * len(values), values, marker_of(place), color=colour_of(place),
                          markersize=3.5, alpha=0.6, label=method_label(method))  # fmt: skip
                axes.plot(place, values.mean(), "_", color="#000000", markersize=9)
        _focus(axes, scores[scores["task"] == task], "score")
        axes.set_xlim(-0.6, len(methods) - 0.4)
        axes.set_xticks([])
    add_legend(figure, grid, LEGEND_COLUMNS)
    return figure


def budget_figure(table: pd.DataFrame, methods: list[str]) -> Figure:
    """A panel per task, a line per method: expected best score × 100 of so many trials."""
    figure, grid, panels = _panels("Expected best score × 100 of a number of trials", table, methods)
    for task, axes in panels:
        for place, method in enumerate(methods):
            own = _rows_of(table, task, method)
            if len(own):
                axes.plot(own["trials"], 100 * own["expected"], marker_of(place) + "-", linewidth=0.9,
                          color=colour_of(place), markersize=2.5, markevery=max(1, len(own) // 10),
                          label=method_label(method))  # fmt: skip
        _focus(axes, table[table["task"] == task], "expected")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
        axes.set_xlabel("trials", fontsize=TEXT_SIZE, labelpad=2)
    add_legend(figure, grid, LEGEND_COLUMNS)
    return figure


def _focus(axes: Axes, rows: pd.DataFrame, column: str) -> None:
    """Fit the y axis to the methods that are not far below, with their bands if they have any."""
    reach = rows["standard_deviation"].fillna(0.0) if "standard_deviation" in rows else 0.0
    ends = rows.assign(low=rows[column] - reach, high=rows[column] + reach)
    groups = ends.groupby("method", sort=False)[["low", "high"]]
    focus_series(
        axes, {method_label(str(name)): 100 * group.to_numpy(float).ravel() for name, group in groups}
    )


def _label_rates(axes: Axes) -> None:
    """Powers of ten, and below two of them also their double and fivefold."""
    low, high = axes.get_xlim()
    is_short = high < 30 * low
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if is_short else (1,), numticks=5))
    if is_short:
        axes.xaxis.set_major_formatter(FormatStrFormatter("%.0e"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _panels(
    title: str, rows: pd.DataFrame, methods: list[str]
) -> tuple[Figure, Grid, list[tuple[str, Axes]]]:
    tasks = order_tasks(rows["task"])
    labels = [method_label(method) for method in methods if method in set(rows["method"])]
    grid = panel_grid(len(tasks), left=0.58, legend=legend_room(labels, LEGEND_COLUMNS))
    figure = new_figure(grid, title)
    panels = []
    for place, task in enumerate(tasks):
        axes = grid.axes(figure, place)
        style_plot(axes, task)
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        if place % grid.columns == 0:
            axes.set_ylabel("score × 100", fontsize=TEXT_SIZE)
        panels.append((task, axes))
    return figure, grid, panels


def _rows_of(rows: pd.DataFrame, task: str, method: str) -> pd.DataFrame:
    return rows[(rows["task"] == task) & (rows["method"] == method)]


def _draw_line(axes: Axes, x: pd.Series, rows: pd.DataFrame, series: tuple[int, str]) -> None:
    """Mean × 100 with a band of one standard deviation, if there is one."""
    if rows.empty:
        return
    place, method = series
    mean, deviation = 100 * rows["mean"], 100 * rows["standard_deviation"]
    axes.plot(x, mean, marker_of(place) + "-", color=colour_of(place), markersize=3, linewidth=0.9,
              label=method_label(method))  # fmt: skip
    if np.isfinite(deviation).any():
        axes.fill_between(
            x, mean - deviation, mean + deviation, color=colour_of(place), alpha=0.15, linewidth=0
        )
