"""Which methods differ: average ranks with their critical difference, and intervals beside a margin."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tunescope_analysis.report.drawing.axis_limits import focus_rows
from tunescope_analysis.report.drawing.panel_grid import (
    LETTER_WIDTH,
    PAGE_WIDTH,
    TEXT_SIZE,
    TICK_SIZE,
    colour_of,
    label_rows,
    marker_of,
    new_figure,
    row_grid,
    style_plot,
    write_title,
)
from tunescope_analysis.report.labels import method_label
from tunescope_analysis.stats.rank_tests import cliques
from tunescope_analysis.topics.significance.table import UNITS

BAR_GAP, ROW_GAP = 0.16, 0.36  # in the diagram's own unit, of which an inch has one


def critical_difference_figure(ranks: pd.Series, difference: float, tasks: int) -> Figure:
    """Demšar's diagram: methods at their average ranks, bars joining those that cannot be told apart."""
    ordered = ranks.sort_values(kind="stable")
    count = len(ordered)
    half = -(-count // 2)
    bars = cliques(ordered.to_numpy(float), difference)
    bar_room = BAR_GAP * max(1, len(bars))
    height = 1.25 + bar_room + ROW_GAP * half
    figure = Figure(figsize=(PAGE_WIDTH, height), facecolor="white")
    subtitle = f"1 is best; {tasks} tasks; critical difference {difference:.2f} (Nemenyi, 0.05)"
    write_title(figure, "Average rank over tasks", subtitle)
    labels = [_rank_label(str(method), float(rank)) for method, rank in ordered.items()]
    room = 0.15 + LETTER_WIDTH * max(len(line) for label in labels for line in label.split("\n"))
    axes = figure.add_axes((room / PAGE_WIDTH, 0.02, 1 - 2 * room / PAGE_WIDTH, 1 - 0.55 / height))
    _draw_scale(axes, count, difference)
    for place, (first, last) in enumerate(bars):
        y = -BAR_GAP * (place + 1)
        ends = [ordered.iloc[first] - 0.03, ordered.iloc[last] + 0.03]
        axes.plot(ends, [y, y], color="#000000", linewidth=2.5, solid_capstyle="round")
    for place, rank in enumerate(ordered):
        is_left = place < half
        row = place if is_left else count - 1 - place
        y = -bar_room - ROW_GAP * (row + 0.8)
        x = 0.75 if is_left else count + 0.25
        axes.plot([rank, rank, x], [0, y, y], color=colour_of(0), linewidth=0.8)
        axes.annotate(labels[place], (x, y), xytext=(-3 if is_left else 3, 0), textcoords="offset points",
                      ha="right" if is_left else "left", va="center", fontsize=TEXT_SIZE)  # fmt: skip
    axes.set_xlim(0.75, count + 0.25)
    axes.set_ylim(-bar_room - ROW_GAP * (half + 0.3), 0.6)
    return figure


def equivalence_figure(table: pd.DataFrame, margin: float) -> Figure:
    """A panel per unit, a line per method: mean difference to the reference × 100 with its 90 % interval.

    The shaded band is ± the margin: an interval inside it shows equivalence at 0.05.
    """
    units = [unit for unit in UNITS if (table["unit"] == unit).any()]
    methods = list(dict.fromkeys(table["method"]))
    labels = [method_label(method) for method in methods]
    grid = row_grid(len(units), labels)
    reference = method_label(table["reference"].iloc[0])
    figure = new_figure(grid, f"Difference to {reference}, × 100",
                        f"mean and 90 % interval; shaded: ± {100 * margin:g}, equivalent")  # fmt: skip
    for place, unit in enumerate(units):
        axes = grid.axes(figure, place)
        style_plot(axes, f"over {UNITS[unit]}")
        axes.axvspan(-100 * margin, 100 * margin, color="#56B4E9", alpha=0.25, linewidth=0)
        axes.axvline(0, color="#000000", linewidth=0.6)
        rows = table[table["unit"] == unit].set_index("method")
        for line, method in enumerate(methods):
            if method in rows.index:
                _draw_interval(axes, rows.loc[method], line)
        band = np.array([-100 * margin, 100 * margin])
        ends = 100 * rows[["low", "mean_difference", "high"]].to_numpy(float)
        focus_rows(
            axes, {-1: band} | {methods.index(str(m)): e for m, e in zip(rows.index, ends, strict=True)}
        )
        axes.locator_params(axis="x", nbins=6)
        axes.set_xlabel("difference × 100", fontsize=TEXT_SIZE, labelpad=2)
        label_rows(axes, labels, is_first=place == 0)
    return figure


def _draw_interval(axes: Axes, row: pd.Series, line: int) -> None:
    place = line + 1  # the reference is the first of all methods in other figures
    if np.isfinite(row["low"]):
        axes.plot([100 * row["low"], 100 * row["high"]], [line, line], color=colour_of(place), linewidth=1.4)
    axes.plot(100 * row["mean_difference"], line, marker_of(place), color=colour_of(place), markersize=4.5)


def _draw_scale(axes: Axes, count: int, difference: float) -> None:
    axes.axis("off")
    axes.plot([1, count], [0, 0], color="#000000", linewidth=1.0)
    for rank in range(1, count + 1):
        axes.plot([rank, rank], [0, 0.06], color="#000000", linewidth=0.8)
        axes.text(rank, 0.09, str(rank), ha="center", va="bottom", fontsize=TICK_SIZE)
    end = min(1 + difference, count + 0.25)
    axes.plot([1, end], [0.36, 0.36], color=colour_of(1), linewidth=1.6)
    axes.text((1 + end) / 2, 0.4, "critical difference", ha="center", va="bottom", fontsize=TICK_SIZE,
              color="#555555")  # fmt: skip


def _rank_label(method: str, rank: float) -> str:
    return f"{method_label(method)}  {rank:.2f}"
