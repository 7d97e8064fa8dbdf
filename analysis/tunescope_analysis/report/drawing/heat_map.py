"""Heat maps: component by layer, in a panel per task or as one map alone."""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.ticker import MaxNLocator

from tunescope_analysis.io.tensor_maps import layers_of, without_head
from tunescope_analysis.io.vocabulary import has_no_gradient, is_layernorm
from tunescope_analysis.report.drawing.panel_grid import (
    COLUMN_WIDTH,
    PAGE_WIDTH,
    PANEL_SIZE,
    TEXT_SIZE,
    Grid,
    new_figure,
)
from tunescope_analysis.report.labels import component_label

MISSING_COLOUR = "#d4d4d4"
ZERO_COLOUR = "#ffffff"
LABEL_SIZE = 5.5  # points, as high as a row of a map
ROW_HEIGHT = 0.086  # inches of a component
NARROW_LAYER = 0.09  # inches per layer, below which two names side by side do not fit
DARKEST_SHARE = 0.05  # our choice: few cells, such as embeddings of rare words, would take most of the scale
SINGLE_SIZE = 7.0  # points, of a map that stands alone
SINGLE_FRACTION = 1e-5  # of its largest value, below which all share the darkest colour
WIDE_RANGE = 100.0  # our choice: from this ratio on, a linear scale would hide the small values


@dataclass(frozen=True)
class MapStyle:
    """The words of a map: its title, its colour bar, what grey means beside "no such tensor".

    `overall` names the panel over all tasks. Values below `shown_fraction` of the largest share the darkest
    colour (our choice).
    """

    title: str
    bar: str
    also_grey: str = ""
    overall: str = "mean of {} tasks"
    shown_fraction: float = 1e-4


def map_figure(by_task: xr.DataArray, overall: xr.DataArray, style: MapStyle) -> Figure:
    """Component by layer as colours, over all tasks first, then a panel per task, on one colour scale.

    The head and tensors without a gradient would take most of the scale, so it is made for the others.
    `by_task` is `[task, layer, component]`. Components that no layer has are left out. Grey: the layer has
    no such tensor. White: exactly zero.
    """
    present = by_task.notnull().any(["task", "layer"]).values
    shown = by_task.isel(component=present)
    panels = [(str(task), shown.sel(task=task)) for task in shown["task"].values]
    has_overall = len(panels) > 1
    if has_overall:
        panels.insert(0, (style.overall.format(len(panels)), overall.isel(component=present)))
    grid = _map_grid(len(panels), shown.sizes["layer"], shown.sizes["component"])
    figure = new_figure(grid, style.title)
    names = [str(name) for name in shown["component"].values]
    norm, colours = _colour_scale(_scaled(shown).values, style.shown_fraction)
    labels = {name: component_label(name, layers_of(shown, name)) for name in names}
    for place, (title, values) in enumerate(panels):
        axes = grid.axes(figure, place)
        image = _draw_map(axes, values, norm, colours)
        weight = "bold" if has_overall and place == 0 else "normal"
        axes.set_title(title, fontsize=PANEL_SIZE, fontweight=weight, pad=3)
        _label_layers(axes, shown["layer"].values, is_last=place + grid.columns >= len(panels))
        _label_components(axes, labels, is_first=place % grid.columns == 0)
    _add_colour_bar(figure, image, shown, (grid, style))
    return figure


def draw_single_map(values: xr.DataArray, label: str, size: tuple[float, float]) -> Figure:
    """One map without a title, in large letters; `values` is `[layer, component]`, as for the other maps."""
    shown = values.isel(component=values.notnull().any("layer").values)
    names = [str(name) for name in shown["component"].values]
    labels = {name: component_label(name, layers_of(shown, name)) for name in names}
    figure = Figure(figsize=size, facecolor="white")
    axes = figure.add_axes((0.6, 0.235, 0.38, 0.755))
    norm, colours = _colour_scale(_scaled(shown).values, SINGLE_FRACTION)
    image = _draw_map(axes, shown, norm, colours)
    _label_layers(axes, shown["layer"].values, is_last=True)
    _label_components(axes, labels, is_first=True)
    axes.tick_params(labelsize=SINGLE_SIZE)
    bar = figure.colorbar(image, cax=figure.add_axes((0.6, 0.105, 0.38, 0.022)), orientation="horizontal")
    bar.ax.tick_params(labelsize=SINGLE_SIZE, length=2, pad=1)
    if not isinstance(norm, LogNorm):
        bar.locator = MaxNLocator(nbins=2)  # long numbers have little room
    figure.text(0.98, 0.01, f"{label}\ngrey: no such tensor", fontsize=SINGLE_SIZE, ha="right", va="bottom")
    return figure


def _scaled(shown: xr.DataArray) -> xr.DataArray:
    """The cells that a colour scale is made for."""
    names = [str(name) for name in shown["component"].values]
    return without_head(shown.isel(component=[not has_no_gradient(name) for name in names]))


def _map_grid(panels: int, layers: int, components: int) -> Grid:
    left, gap = 1.72, 0.09
    rows = -(-panels // 5)
    columns = -(-panels // rows)
    width = (PAGE_WIDTH - left) / columns - gap
    width = min(width, max(1.2, 0.12 * layers)) if columns > 1 else COLUMN_WIDTH + 0.6 - left
    return Grid(rows, columns, width, ROW_HEIGHT * components, left, top=0.4, bottom=0.98, gap=gap,
                row_gap=0.5)  # fmt: skip


def _colour_scale(values: np.ndarray, shown_fraction: float) -> tuple[Normalize, Colormap]:
    """One scale for all panels; logarithmic if the values span more than `WIDE_RANGE`.

    The lowest `DARKEST_SHARE` of the cells share its end.
    """
    positive = values[np.isfinite(values) & (values > 0)]
    colours = colormaps["viridis"].with_extremes(bad=MISSING_COLOUR, under=ZERO_COLOUR)
    if positive.size == 0:
        return Normalize(np.nextafter(0, 1), 1.0), colours
    low, high = float(np.quantile(positive, DARKEST_SHARE, method="lower")), float(positive.max())
    if high / low >= WIDE_RANGE:
        return LogNorm(max(low, high * shown_fraction), high), colours
    return Normalize(low if high > low else low * 0.5, high), colours


def _draw_map(axes: Axes, values: xr.DataArray, norm: Normalize, colours: Colormap) -> AxesImage:
    cells = values.transpose("component", "layer").values
    lowest = norm.vmin or 0.0
    clipped = np.where(cells > 0, np.maximum(cells, lowest), cells)
    below = lowest * 1e-3  # a logarithm would take zero for missing
    image = axes.imshow(np.ma.masked_invalid(np.where(clipped == 0, below, clipped)), norm=norm, cmap=colours,
                        aspect="auto", interpolation="nearest")  # fmt: skip
    axes.tick_params(length=1.5, width=0.5, labelsize=LABEL_SIZE, pad=1.5)
    return image


def _label_layers(axes: Axes, layers: np.ndarray, is_last: bool) -> None:
    """Hugging Face's layer numbers, from 0; only every second or fourth one if they would touch."""
    numbered = [place for place, layer in enumerate(layers) if str(layer).isdigit()]
    width = axes.get_position().width * axes.get_figure(root=True).get_figwidth() / len(layers)  # type: ignore[union-attr]
    wanted = 0.09 if len(numbered) <= 10 else 0.13  # inches a label needs
    step = next((step for step in (1, 2, 4, 8) if step * width >= wanted), 16)
    named = [place for place, layer in enumerate(layers) if not str(layer).isdigit()]
    if width < NARROW_LAYER:
        named, numbered = named[:1] + named[-1:], numbered[step:]  # names of neighbours would touch
    axes.set_xticks(sorted(numbered[::step] + named))
    short = {"embeddings": "emb.", "relative": "rel.", "pooler": "pool"}
    ticks = [str(layers[place]) for place in sorted(numbered[::step] + named)]
    for label, text in zip(axes.set_xticklabels([short.get(t, t) for t in ticks]), ticks, strict=True):
        if not text.isdigit():
            label.set(rotation=90)
    if is_last:
        axes.set_xlabel("layer", fontsize=TEXT_SIZE, labelpad=1)


def _label_components(axes: Axes, labels: dict[str, str], is_first: bool) -> None:
    axes.set_yticks(range(len(labels)))
    ticks = axes.set_yticklabels(labels.values() if is_first else [""] * len(labels))
    for tick, name in zip(ticks, labels, strict=True):
        tick.set_fontweight("bold" if is_layernorm(name) else "normal")


def _add_colour_bar(
    figure: Figure, image: AxesImage, shown: xr.DataArray, layout: tuple[Grid, MapStyle]
) -> None:
    grid, style = layout
    width, height = grid.size
    bar_width = min(3.2, width - 0.6)
    axes = figure.add_axes(((width - bar_width) / 2 / width, 0.46 / height, bar_width / width, 0.09 / height))
    bar = figure.colorbar(image, cax=axes, orientation="horizontal")
    scale = "log scale" if isinstance(image.norm, LogNorm) else "linear scale"
    bar.set_label(f"{style.bar}, {scale}", fontsize=TEXT_SIZE, labelpad=1)
    bar.ax.tick_params(labelsize=LABEL_SIZE, length=2, pad=1)
    notes = [f"grey: the layer has no such tensor{style.also_grey}"]
    if (shown == 0).any():
        notes.append("white: exactly zero")
    lowest = float(np.min(image.norm.vmin or 0.0))
    if float(shown.where(shown > 0).min()) < lowest:
        notes.append(f"darkest: {lowest:.1e} or less")
    highest = float(np.max(image.norm.vmax or 0.0))
    if float(shown.max()) > highest:
        notes.append(f"brightest: {highest:.1e} or more")
    figure.text(0.5, 0.04 / height, "; ".join(notes), fontsize=LABEL_SIZE + 0.5, ha="center", va="bottom")
