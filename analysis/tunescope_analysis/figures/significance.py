"""Which methods differ: average ranks with their critical difference, and intervals beside a margin."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tunescope_analysis.figures.grid import colour_of, marker_of, new_figure, panel_grid, style_plot
from tunescope_analysis.labels import method_label
from tunescope_analysis.significance import UNITS, cliques


def critical_difference_figure(ranks: pd.Series, difference: float, tasks: int) -> Figure:
    """Demšar's diagram: methods at their average ranks, bars joining those that cannot be told apart."""
    ordered = ranks.sort_values(kind="stable")
    count = len(ordered)
    half = -(-count // 2)
    bars = cliques(ordered, difference)
    bar_room = 0.16 * max(1, len(bars))
    height = 1.45 + bar_room + 0.34 * half
    figure = Figure(figsize=(9.6, height), facecolor="white")
    axes = figure.add_axes((0.31, 0.04, 0.36, 1 - 0.95 / height))
    figure.text(0.014, 1 - 0.1 / height, "Average rank over tasks", fontsize=12, fontweight="bold", va="top")
    figure.text(0.014, 1 - 0.36 / height, f"1 is best; {tasks} tasks; critical difference {difference:.2f} "
                "(Nemenyi, 0.05)", fontsize=9, va="top")  # fmt: skip
    _draw_scale(axes, count, difference)
    for place, (first, last) in enumerate(bars):
        y = -0.16 - 0.16 * place
        axes.plot([ordered[first] - 0.03, ordered[last] + 0.03], [y, y], color="#000000", linewidth=3.5,
                  solid_capstyle="round")  # fmt: skip
    for place, (method, rank) in enumerate(ordered.items()):
        is_left = place < half
        row = place if is_left else count - 1 - place
        y = -bar_room - 0.32 - 0.34 * row
        x = 0.75 if is_left else count + 0.25
        axes.plot([rank, rank, x], [0, y, y], color=colour_of(0), linewidth=1.0)
        text, side = _rank_label(str(method), float(rank)), "right" if is_left else "left"
        axes.text(x + (-0.05 if is_left else 0.05), y, text, ha=side, va="center", fontsize=8.5)
    axes.set_xlim(0.75, count + 0.25)
    axes.set_ylim(-bar_room - 0.4 - 0.34 * half, 0.55)
    return figure


def equivalence_figure(table: pd.DataFrame, margin: float) -> Figure:
    """A panel a unit, a line a method: mean difference to the reference × 100 with its 90 % interval.

    The shaded band is ± the margin: an interval inside it shows equivalence at 0.05.
    """
    units = [unit for unit in UNITS if (table["unit"] == unit).any()]
    methods = list(dict.fromkeys(table["method"]))
    labels = [method_label(method) for method in methods]
    left = 0.35 + 0.075 * max(len(line) for label in labels for line in label.split("\n"))
    grid = panel_grid(len(units), columns=2, width=3.2, height=max(0.9, 0.42 * len(methods)), left=left)
    reference = table["reference"].iloc[0]
    figure = new_figure(grid, f"Difference to {reference}, × 100",
                        f"mean and 90 % interval; shaded: ± {100 * margin:g}, equivalent")  # fmt: skip
    for place, unit in enumerate(units):
        axes = grid.axes(figure, place)
        style_plot(axes, f"over {UNITS[unit]}")
        axes.axvspan(-100 * margin, 100 * margin, color="#56B4E9", alpha=0.25, linewidth=0)
        axes.axvline(0, color="#000000", linewidth=0.8)
        rows = table[table["unit"] == unit].set_index("method")
        for line, method in enumerate(methods):
            if method in rows.index:
                _draw_interval(axes, rows.loc[method], line)
        axes.locator_params(axis="x", nbins=6)
        axes.set_ylim(len(methods) - 0.5, -0.5)
        axes.set_yticks(range(len(methods)), labels if place == 0 else [])
    return figure


def _draw_interval(axes: Axes, row: pd.Series, line: int) -> None:
    if np.isfinite(row["low"]):
        axes.plot([100 * row["low"], 100 * row["high"]], [line, line], color=colour_of(line + 1), linewidth=2)
    place = line + 1  # the reference is the first of all methods in other figures
    axes.plot(100 * row["mean_difference"], line, marker_of(place), color=colour_of(place), markersize=6.5)


def _draw_scale(axes: Axes, count: int, difference: float) -> None:
    axes.axis("off")
    axes.plot([1, count], [0, 0], color="#000000", linewidth=1.2)
    for rank in range(1, count + 1):
        axes.plot([rank, rank], [0, 0.07], color="#000000", linewidth=1.0)
        axes.text(rank, 0.12, str(rank), ha="center", va="bottom", fontsize=8.5)
    end = min(1 + difference, count + 0.25)
    axes.plot([1, end], [0.42, 0.42], color=colour_of(1), linewidth=2)
    axes.text(
        (1 + end) / 2, 0.46, "critical difference", ha="center", va="bottom", fontsize=7.5, color="#555555"
    )


def _rank_label(method: str, rank: float) -> str:
    name, _, options = method.partition(":")
    return f"{name}  {rank:.2f}" + (f"\n{options.replace(',', ', ')}" if options else "")
