"""Figures of scores: by task and method, and against the number of trainable parameters."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullFormatter

from tunescope_analysis.figures.focus import focus_rows, focus_series
from tunescope_analysis.figures.grid import (
    COLUMN_WIDTH,
    PAGE_WIDTH,
    TEXT_SIZE,
    UNTITLED,
    Grid,
    add_legend,
    colour_of,
    label_room,
    label_rows,
    legend_room,
    marker_of,
    new_figure,
    panel_grid,
    style_plot,
)
from tunescope_analysis.io.vocabulary import order_tasks
from tunescope_analysis.labels import method_label, metric_label
from tunescope_analysis.scores import order_methods

LEGEND_COLUMNS = 2
DODGE = 1.25  # between methods with the same number of parameters, so that their intervals do not cover


def row_grid(panels: int, labels: list[str], row_height: float = 0.27) -> Grid:
    """A grid of panels with a line a label, the labels left of each row of panels."""
    columns, gap = min(4, panels), 0.1
    left = label_room(labels)
    width = min((PAGE_WIDTH - left) / columns - gap, 2.6)
    if columns == 1:
        width = max(COLUMN_WIDTH - left - gap, 1.5)
    height = max(0.6, row_height * len(labels))
    return Grid(-(-panels // columns), columns, width, height, left, top=0.6, bottom=0.42, gap=gap,
                row_gap=0.6)  # fmt: skip


def scores_figure(table: pd.DataFrame) -> Figure:
    """A panel a task, a line a method: mean score × 100 as a dot, ± one standard deviation as a bar."""
    tasks, methods = order_tasks(table["task"]), order_methods(table)
    labels = [method_label(method) for method in methods]
    grid = row_grid(len(tasks), labels)
    bar = "; bars: ± one standard deviation over seeds" if (table["seeds"] > 1).any() else "; one seed"
    figure = new_figure(grid, "Dev-set scores × 100", f"dots: mean at the best learning rate{bar}")
    for place, task in enumerate(tasks):
        axes = grid.axes(figure, place)
        style_plot(axes, task)
        _draw_scores(axes, table[table["task"] == task].set_index("method"), methods)
        label_rows(axes, labels, is_first=place % grid.columns == 0)
    return figure


def parameters_figure(averages: pd.DataFrame) -> Figure | None:
    """Average score × 100 over all tasks against trainable parameters; None where no method has all tasks.

    `averages` is from `average_table`; bars are its intervals. Methods of the same size stand side by side.
    """
    known = averages[averages["average"].notna()]
    if known.empty:
        return None
    labels = [method_label(method) for method in known["method"]]
    grid = panel_grid(1, height=2.1, legend=legend_room(labels, LEGEND_COLUMNS) - UNTITLED)
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


def _draw_scores(axes: Axes, rows: pd.DataFrame, methods: list[str]) -> None:
    shown: dict[int, np.ndarray] = {}
    for place, method in enumerate(methods):
        if method not in rows.index or not np.isfinite(rows.loc[method, "mean"]):
            state = rows.loc[method, "state"] if method in rows.index else "not run"
            axes.text(0.5, place, str(state), transform=axes.get_yaxis_transform(), ha="center", va="center",
                      fontsize=TEXT_SIZE, color="#666666", style="italic")  # fmt: skip
            continue
        row = rows.loc[method]
        reach = 0.0 if np.isnan(row["standard_deviation"]) else row["standard_deviation"]
        shown[place] = 100 * np.array([row["mean"] - reach, row["mean"] + reach])
        error = None if np.isnan(row["standard_deviation"]) else 100 * row["standard_deviation"]
        axes.errorbar(100 * row["mean"], place, xerr=error, fmt=marker_of(place), markersize=4.5,
                      color=colour_of(place), capsize=2, linewidth=1.0)  # fmt: skip
    axes.margins(x=0.12)
    focus_rows(axes, shown)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=4, prune="lower"))  # the neighbour's labels end there
    metric = next((metric for metric in rows["metric"] if metric), "")
    axes.set_xlabel(metric_label(str(metric)), fontsize=TEXT_SIZE, labelpad=2)
