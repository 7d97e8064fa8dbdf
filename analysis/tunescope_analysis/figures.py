"""Figures: change maps and scores. Each function returns a matplotlib figure and touches no global state."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.ticker import NullFormatter

from tunescope_analysis.change import layers_of, mean_over_tasks
from tunescope_analysis.labels import (
    FORMULAS,
    component_label,
    is_layernorm,
    measure_label,
    method_label,
    metric_label,
    order_tasks,
)
from tunescope_analysis.scores import glue_average, method_parameters, order_methods

EMPTY = "#d4d4d4"
ZERO = "#ffffff"
WIDE_RANGE = 100.0  # our choice: from this ratio on, a linear scale would hide the small changes
SHOWN_FRACTION = 1e-4  # our choice: values below this part of the largest share the darkest colour
OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
MARKERS = "osD^vPX<>"


@dataclass(frozen=True)
class Grid:
    """Where the panels go; lengths in inches."""

    rows: int
    columns: int
    panel_width: float
    panel_height: float
    left: float
    top: float
    bottom: float
    gap: float = 0.14
    row_gap: float = 0.5

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of the figure."""
        width = self.left + self.columns * (self.panel_width + self.gap)
        height = self.top + self.bottom + self.rows * self.panel_height + (self.rows - 1) * self.row_gap
        return width, height

    def axes(self, figure: Figure, place: int) -> Axes:
        """The axes of one panel, counted from the top left along the rows."""
        row, column = divmod(place, self.columns)
        width, height = self.size
        x = self.left + column * (self.panel_width + self.gap)
        y = height - self.top - (row + 1) * self.panel_height - row * self.row_gap
        return figure.add_axes((x / width, y / height, self.panel_width / width, self.panel_height / height))


def change_figure(by_task: xr.DataArray) -> Figure:
    """Component by layer as colours, the mean over tasks first, then a panel a task, on one colour scale.

    `by_task` is `[task, layer, component]`, named after its measure. Components that no layer has are left
    out. Grey: the layer has no such tensor. White: exactly zero, a frozen tensor.
    """
    shown = by_task.isel(component=by_task.notnull().any(["task", "layer"]).values)
    panels = [(str(task), shown.sel(task=task)) for task in shown["task"].values]
    if len(panels) > 1:
        panels.insert(0, (f"mean of {len(panels)} tasks", mean_over_tasks(shown)))
    grid = _change_grid(len(panels), shown.sizes["layer"], shown.sizes["component"])
    figure = Figure(figsize=grid.size, facecolor="white")
    norm, colours = _colour_scale(shown.values)
    for place, (title, values) in enumerate(panels):
        axes = grid.axes(figure, place)
        image = _draw_map(axes, values, norm, colours)
        weight = "bold" if title.startswith("mean of") else "normal"
        axes.set_title(title, fontsize=10, fontweight=weight, pad=4)
        _label_layers(axes, shown["layer"].values, is_last=place + grid.columns >= len(panels))
        _label_components(axes, shown, is_first=place % grid.columns == 0)
    width, height = grid.size
    method = by_task.attrs.get("method", "full")
    title = f"{measure_label(str(by_task.name)).capitalize()} of each tensor, method {method}"
    figure.text(0.12 / width, 1 - 0.1 / height, title, fontsize=12, fontweight="bold", va="top")
    _add_colour_bar(figure, image, shown, grid)
    return figure


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
    figure = Figure(figsize=grid.size, facecolor="white")
    for place, task in enumerate(tasks):
        axes = grid.axes(figure, place)
        _draw_scores(axes, table[table["task"] == task].set_index("method"), methods)
        axes.set_title(task, fontsize=11, fontweight="bold", pad=4)
        axes.set_yticks(range(len(methods)))
        axes.set_yticklabels([method_label(method) for method in methods] if place % columns == 0 else [])
    bar = "; bars: ± one standard deviation over seeds" if (table["seeds"] > 1).any() else "; one seed"
    figure.text(0.12 / grid.size[0], 1 - 0.1 / grid.size[1], "Dev-set scores × 100", fontsize=12,
                fontweight="bold", va="top")  # fmt: skip
    figure.text(0.12 / grid.size[0], 1 - 0.36 / grid.size[1], f"dots: mean at the best learning rate{bar}",
                fontsize=9, va="top")  # fmt: skip
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
        marker = MARKERS[place % len(MARKERS)]
        colour = OKABE_ITO[place % len(OKABE_ITO)]
        axes.plot(parameters[method], 100 * average[method], marker, color=colour, markersize=9, alpha=0.85,
                  label=method_label(method))  # fmt: skip
    axes.set_xscale("log")
    axes.margins(y=0.15)
    low, high = np.maximum(axes.dataLim.intervalx, 1)
    axes.set_xlim(10 ** np.floor(np.log10(low / 1.3)), 10 ** np.ceil(np.log10(high * 1.3)))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("trainable parameters (log scale)", fontsize=10)
    tasks = table["task"].nunique()
    axes.set_ylabel("score × 100" if tasks == 1 else f"mean score × 100, {tasks} tasks", fontsize=10)
    axes.grid(color="#e4e4e4")
    axes.set_axisbelow(True)
    axes.legend(fontsize=9, loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    return figure


def _change_grid(panels: int, layers: int, components: int) -> Grid:
    left, right_edge, row_height = 2.45, 11.2, 0.148
    narrowest = max(1.5, 0.1 * layers)
    columns = max(1, min(panels, 5, int((right_edge - left) / narrowest)))
    rows = -(-panels // columns)
    columns = -(-panels // rows)
    width = min((right_edge - left) / columns - Grid.gap, max(3.4, 0.17 * layers))
    width = max(width, 5.0 if columns == 1 else 0.0)
    return Grid(rows, columns, width, row_height * components, left, top=0.6, bottom=1.46, row_gap=0.66)


def _colour_scale(values: np.ndarray) -> tuple[Normalize, Colormap]:
    """One scale for all panels; logarithmic where the values span more than `WIDE_RANGE`."""
    positive = values[np.isfinite(values) & (values > 0)]
    colours = colormaps["viridis"].with_extremes(bad=EMPTY, under=ZERO)
    if positive.size == 0:
        return Normalize(np.nextafter(0, 1), 1.0), colours
    low, high = float(positive.min()), float(positive.max())
    if high / low >= WIDE_RANGE:
        return LogNorm(max(low, high * SHOWN_FRACTION), high), colours
    return Normalize(low if high > low else low * 0.5, high), colours


def _draw_map(axes: Axes, values: xr.DataArray, norm: Normalize, colours: Colormap) -> AxesImage:
    cells = values.transpose("component", "layer").values
    clipped = np.where(cells > 0, np.maximum(cells, norm.vmin), cells)
    below = norm.vmin * 1e-3  # a logarithm would take zero for missing
    cells = np.ma.masked_invalid(np.where(clipped == 0, below, clipped))
    image = axes.imshow(cells, norm=norm, cmap=colours, aspect="auto", interpolation="nearest")
    axes.tick_params(length=2, labelsize=8, pad=2)
    return image


def _label_layers(axes: Axes, layers: np.ndarray, is_last: bool) -> None:
    """Hugging Face's layer numbers, from 0; every second or fourth one where they would touch."""
    numbered = [place for place, layer in enumerate(layers) if str(layer).isdigit()]
    width = axes.get_position().width * axes.figure.get_figwidth() / len(layers)
    wanted = 0.14 if len(numbered) <= 10 else 0.2  # inches a label needs
    step = next((step for step in (1, 2, 4, 8) if step * width >= wanted), 16)
    named = [place for place, layer in enumerate(layers) if not str(layer).isdigit()]
    axes.set_xticks(sorted(numbered[::step] + named))
    short = {"embeddings": "emb.", "pooler": "pool"}
    ticks = [str(layers[place]) for place in sorted(numbered[::step] + named)]
    for label, text in zip(axes.set_xticklabels([short.get(t, t) for t in ticks]), ticks, strict=True):
        if not text.isdigit():
            label.set(rotation=90, fontsize=7.5)
    if is_last:
        axes.set_xlabel("layer", fontsize=9, labelpad=2)


def _label_components(axes: Axes, shown: xr.DataArray, is_first: bool) -> None:
    axes.set_yticks(range(shown.sizes["component"]))
    names = [str(name) for name in shown["component"].values]
    labels = [component_label(name, layers_of(shown, name)) for name in names]
    ticks = axes.set_yticklabels(labels if is_first else [""] * len(labels))
    for tick, name in zip(ticks, names, strict=True):
        tick.set_fontweight("bold" if is_layernorm(name) else "normal")


def _add_colour_bar(figure: Figure, image: AxesImage, shown: xr.DataArray, grid: Grid) -> None:
    width, height = grid.size
    bar_width = min(5.0, width - 2.5)
    axes = figure.add_axes(((width - bar_width) / 2 / width, 0.66 / height, bar_width / width, 0.14 / height))
    bar = figure.colorbar(image, cax=axes, orientation="horizontal")
    scale = "log scale" if isinstance(image.norm, LogNorm) else "linear scale"
    measure = str(shown.name)
    bar.set_label(f"{FORMULAS.get(measure, measure)}, {scale}", fontsize=9, labelpad=2)
    bar.ax.tick_params(labelsize=8)
    undefined = ", or it was zero before" if measure == "relative_l2" else ""
    notes = [f"grey: the layer has no such tensor{undefined}"]
    if (shown == 0).any():
        notes.append("white: exactly zero")
    smallest = float(shown.where(shown > 0).min())
    if smallest < image.norm.vmin:
        notes.append(f"darkest: {image.norm.vmin:.0e} or less")
    figure.text(0.5, 0.06 / height, "; ".join(notes), fontsize=8.5, ha="center", va="bottom")


def _draw_scores(axes: Axes, rows: pd.DataFrame, methods: list[str]) -> None:
    for place, method in enumerate(methods):
        if method not in rows.index or not np.isfinite(rows.loc[method, "mean"]):
            state = rows.loc[method, "state"] if method in rows.index else "not run"
            axes.text(0.5, place, str(state), transform=axes.get_yaxis_transform(), ha="center", va="center",
                      fontsize=9, color="#666666", style="italic")  # fmt: skip
            continue
        row = rows.loc[method]
        error = None if np.isnan(row["standard_deviation"]) else 100 * row["standard_deviation"]
        axes.errorbar(100 * row["mean"], place, xerr=error, fmt=MARKERS[place % len(MARKERS)], markersize=7,
                      color=OKABE_ITO[place % len(OKABE_ITO)], capsize=3)  # fmt: skip
    axes.set_ylim(len(methods) - 0.5, -0.5)
    axes.margins(x=0.12)
    axes.locator_params(axis="x", nbins=4)
    axes.grid(axis="x", color="#e4e4e4")
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=9)
    metric = next((metric for metric in rows["metric"] if metric), "")
    axes.set_xlabel(metric_label(str(metric)), fontsize=9)
