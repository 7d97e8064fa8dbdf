"""The same components in several models, side by side."""

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from tunescope_analysis.io.vocabulary import is_layernorm
from tunescope_analysis.report.drawing.heat_map import LABEL_SIZE, MISSING_COLOUR, ZERO_COLOUR
from tunescope_analysis.report.drawing.panel_grid import PANEL_SIZE, TEXT_SIZE, TICK_SIZE, Grid, new_figure
from tunescope_analysis.report.labels import component_label
from tunescope_analysis.topics.models.table import QUANTITIES

ROW_HEIGHT = 0.135  # inches, so that a place fits into a cell
FILE_WIDTH = 0.42
LETTER_HEIGHT = 0.055  # inches of a letter of a file's name, which stands upright
LOWEST = {"change": 1e-2, "fisher": 1e-5}  # our choice: less of the largest than this has the darkest colour
PALE = 0.6  # from this place of the colour scale on, the cell is pale and its number dark
PLACES = {"LayerNorm": ["embeddings"], "dense": ["pooler"]}  # where such a module is, in every architecture


def models_figure(table: pd.DataFrame) -> Figure:
    """A panel per quantity, a row per component, a column per file.

    A cell's colour is the value over the largest of the same file, its number the place in that file. Grey:
    no such tensor. `table` is `component_levels`.
    """
    files = list(dict.fromkeys(table["file"]))
    components = list(dict.fromkeys(table["component"]))
    quantities = [quantity for quantity in QUANTITIES if (table["quantity"] == quantity).any()]
    names = LETTER_HEIGHT * max(map(len, files)) + 0.1
    width = max(FILE_WIDTH * len(files), 1.5)
    grid = Grid(1, len(quantities), width, ROW_HEIGHT * len(components), left=2.05, top=0.5 + names,
                bottom=0.72, gap=0.25)  # fmt: skip
    figure = new_figure(grid, "The same components in each model")
    for place, quantity in enumerate(quantities):
        own = table[table["quantity"] == quantity]
        axes = grid.axes(figure, place)
        image = _draw_map(axes, own, (components, files), LOWEST[quantity])
        axes.set_title(
            QUANTITIES[quantity].capitalize(), fontsize=PANEL_SIZE, fontweight="bold", pad=names * 72
        )
        axes.set_xticks(range(len(files)), files, rotation=90)
        _label_components(axes, components, is_first=place == 0)
        _add_scale(figure, axes, image)
    note = "number: place in the file; grey: no such tensor; darkest: the scale's lower end or less"
    figure.text(0.5, 0.04 / grid.size[1], note, fontsize=LABEL_SIZE + 0.5, ha="center", va="bottom")
    return figure


def _draw_map(axes: Axes, own: pd.DataFrame, shown: tuple[list[str], list[str]], lowest: float) -> AxesImage:
    relative, places = (
        own.pivot(index="component", columns="file", values=name).reindex(index=shown[0], columns=shown[1])
        for name in ("relative", "place")
    )
    colours = colormaps["viridis"].with_extremes(bad=MISSING_COLOUR, under=ZERO_COLOUR)
    cells = relative.to_numpy(float)
    clipped = np.where(cells == 0, lowest * 1e-3, np.maximum(cells, lowest))
    image = axes.imshow(
        clipped, norm=LogNorm(lowest, 1.0), cmap=colours, aspect="auto", interpolation="nearest"
    )
    axes.tick_params(length=1.5, width=0.5, labelsize=TICK_SIZE, pad=1.5)
    axes.xaxis.tick_top()
    _write_places(axes, np.log(clipped / lowest) / np.log(1 / lowest), places.to_numpy(float))
    return image


def _write_places(axes: Axes, brightness: np.ndarray, places: np.ndarray) -> None:
    for (row, column), place in np.ndenumerate(places):
        if not np.isnan(place):
            own = brightness[row, column]
            axes.text(column, row, f"{place:.0f}", fontsize=LABEL_SIZE, ha="center", va="center",
                      color="white" if 0 <= own < PALE else "black",
                      fontweight="bold" if place == 1 else "normal")  # fmt: skip


def _label_components(axes: Axes, components: list[str], is_first: bool) -> None:
    labels = [component_label(name, PLACES.get(name.partition(".")[0], ())) for name in components]
    axes.set_yticks(range(len(labels)), labels if is_first else [""] * len(labels))
    for tick, name in zip(axes.get_yticklabels(), components, strict=True):
        tick.set_fontweight("bold" if is_layernorm(name) else "normal")


def _add_scale(figure: Figure, axes: Axes, image: AxesImage) -> None:
    box, height = axes.get_position(), figure.get_figheight()
    scale = figure.add_axes((box.x0 + 0.1 * box.width, 0.46 / height, 0.8 * box.width, 0.09 / height))
    bar = figure.colorbar(image, cax=scale, orientation="horizontal")
    bar.set_label("over the file's largest, log scale", fontsize=TEXT_SIZE, labelpad=1)
    bar.ax.tick_params(labelsize=LABEL_SIZE, length=2, pad=1)
