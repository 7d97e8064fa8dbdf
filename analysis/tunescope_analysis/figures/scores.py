"""Figures of scores: by task and method, and against the number of trainable parameters."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from tunescope_analysis.figures.grid import PALE, Grid, colour_of, marker_of, new_figure
from tunescope_analysis.labels import method_label, metric_label, order_tasks
from tunescope_analysis.scores import glue_average, method_parameters, order_methods


def scores_figure(table: pd.DataFrame) -> Figure:
    """A panel a task, a line a method: mean score × 100 as a dot, ± one standard deviation as a bar."""
    tasks, methods = order_tasks(table["task"]), order_methods(table)
    columns = min(4, len(tasks))
    height = max(0.9, 0.42 * len(methods))
    label_lines = [line for method in methods for line in method_label(method).split("\n")]
    left = 0.35 + 0.075 * max(map(len, label_lines))
    rows = -(-len(tasks) // columns)
    width = 3.6 if columns == 1 else 2.3
    grid = Grid(rows, columns, width, height, left, top=0.95, bottom=0.65, row_gap=0.85)
    bar = "; bars: ± one standard deviation over seeds" if (table["seeds"] > 1).any() else "; one seed"
    figure = new_figure(grid, "Dev-set scores × 100", f"dots: mean at the best learning rate{bar}")
    for place, task in enumerate(tasks):
        axes = grid.axes(figure, place)
        _draw_scores(axes, table[table["task"] == task].set_index("method"), methods)
        axes.set_title(task, fontsize=11, fontweight="bold", pad=4)
        axes.set_yticks(range(len(methods)))
        axes.set_yticklabels([method_label(method) for method in methods] if place % columns == 0 else [])
    return figure


def parameters_figure(table: pd.DataFrame) -> Figure | None:
    """Average score × 100 over all tasks against trainable parameters; None where no method has all tasks."""
    average = glue_average(table)
    if average.empty:
        return None
    figure = Figure(figsize=(7.6, 3.8), facecolor="white", layout="constrained")
    axes = figure.add_subplot()
    parameters = method_parameters(table)["trainable_parameters"]
    for place, method in enumerate(method for method in parameters.index if method in average):
        axes.plot(parameters[method], 100 * average[method], marker_of(place), color=colour_of(place),
                  markersize=9, alpha=0.85, label=method_label(method))  # fmt: skip
    axes.set_xscale("log")
    axes.margins(y=0.15)
    low, high = np.maximum(axes.dataLim.intervalx, 1)
    axes.set_xlim(10 ** np.floor(np.log10(low / 1.3)), 10 ** np.ceil(np.log10(high * 1.3)))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("trainable parameters (log scale)", fontsize=10)
    tasks = table["task"].nunique()
    axes.set_ylabel("score × 100" if tasks == 1 else f"mean score × 100, {tasks} tasks", fontsize=10)
    axes.grid(color=PALE)
    axes.set_axisbelow(True)
    axes.legend(fontsize=9, loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    return figure


def _draw_scores(axes: Axes, rows: pd.DataFrame, methods: list[str]) -> None:
    for place, method in enumerate(methods):
        if method not in rows.index or not np.isfinite(rows.loc[method, "mean"]):
            state = rows.loc[method, "state"] if method in rows.index else "not run"
            axes.text(0.5, place, str(state), transform=axes.get_yaxis_transform(), ha="center", va="center",
                      fontsize=9, color="#666666", style="italic")  # fmt: skip
            continue
        row = rows.loc[method]
        error = None if np.isnan(row["standard_deviation"]) else 100 * row["standard_deviation"]
        axes.errorbar(100 * row["mean"], place, xerr=error, fmt=marker_of(place), markersize=7,
                      color=colour_of(place), capsize=3)  # fmt: skip
    axes.set_ylim(len(methods) - 0.5, -0.5)
    axes.margins(x=0.12)
    axes.locator_params(axis="x", nbins=4)
    axes.grid(axis="x", color=PALE)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=9)
    metric = next((metric for metric in rows["metric"] if metric), "")
    axes.set_xlabel(metric_label(str(metric)), fontsize=9)
