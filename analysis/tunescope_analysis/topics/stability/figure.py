"""Agreement of Fisher rankings against the setting that differs."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tunescope_analysis.io.vocabulary import order_tasks
from tunescope_analysis.report.drawing.panel_grid import (
    PAGE_WIDTH,
    TEXT_SIZE,
    Grid,
    add_legend,
    colour_of,
    marker_of,
    new_figure,
    style_plot,
)
from tunescope_analysis.report.labels import AGREEMENT_LABELS, FACTOR_LABELS, method_label
from tunescope_analysis.stats.rank_agreement import AGREEMENTS
from tunescope_analysis.topics.stability.table import RANKED_LEVELS, SETTING_FACTORS, setting_order

MAX_TICK_LETTERS = 10  # letters of tick labels that a panel has room for, side by side


def stability_figure(against: pd.DataFrame, level: str) -> Figure:
    """A row per measure of agreement, a column per setting that differs, a line per task.

    `against` is from `agreement_with_reference`; the rows of `level` are drawn. A dotted line marks the
    reference's own value.
    """
    rows = against[against["level"] == level]
    factors = [factor for factor in SETTING_FACTORS if (rows["differs"] == factor).any()]
    left, gap = 0.55, 0.12
    width = min((PAGE_WIDTH - left) / len(factors) - gap, 2.2)
    grid = Grid(len(AGREEMENTS), len(factors), width, panel_height=0.9, left=left, top=0.66, bottom=0.7,
                gap=gap, row_gap=0.13)  # fmt: skip
    figure = new_figure(grid, f"Agreement with the reference run, ranking of {RANKED_LEVELS[level]}")
    tasks = order_tasks(rows["task"])
    for line, (name, label) in enumerate(AGREEMENT_LABELS.items()):
        low = min(0.0, float(rows[name].min(skipna=True)))
        for column, factor in enumerate(factors):
            axes = grid.axes(figure, line * len(factors) + column)
            style_plot(axes, FACTOR_LABELS[factor] if line == 0 else "")
            _draw_factor(axes, rows[rows["differs"] == factor], name, tasks)
            axes.set_ylim(low - 0.05, 1.05)
            if column == 0:
                axes.set_ylabel(label, fontsize=TEXT_SIZE)
            else:
                axes.set_yticklabels([])
            if line < len(AGREEMENTS) - 1:
                axes.set_xticklabels([])
    add_legend(figure, grid, columns=8)
    return figure


def _draw_factor(axes: Axes, rows: pd.DataFrame, name: str, tasks: list[str]) -> None:
    values = sorted({*rows["value"], *rows["reference"]}, key=setting_order)
    places = {value: place for place, value in enumerate(values)}
    is_ordered = all(np.isfinite(setting_order(value)[0]) for value in values)
    for reference in set(rows["reference"]) - {""}:
        axes.axvline(places[reference], color="#999999", linewidth=0.8, linestyle=":")
    for series, task in enumerate(tasks):
        own = rows[rows["task"] == task].assign(place=lambda frame: frame["value"].map(places))
        own = own.sort_values("place")
        line = "-" if is_ordered else ""
        axes.plot(own["place"], own[name], marker_of(series) + line, color=colour_of(series), markersize=3,
                  linewidth=0.8, alpha=0.85, label=task)  # fmt: skip
    axes.set_xlim(-0.5, len(values) - 0.5)
    labels = [method_label(value) if value else "other seed" for value in values]
    axes.set_xticks(range(len(values)), labels)
    if len(labels) > 1 and max(map(len, labels)) * len(labels) > MAX_TICK_LETTERS:
        for label in axes.get_xticklabels():
            label.set(rotation=30, ha="right", rotation_mode="anchor")
