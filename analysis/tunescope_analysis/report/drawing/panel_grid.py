"""Where panels go in a figure, and the sizes, colours and markers that all figures share."""

from dataclasses import dataclass

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

PAGE_WIDTH = 7.0  # inches: both columns of a paper; no figure is wider
COLUMN_WIDTH = 3.4  # inches: one column
TITLE_SIZE, PANEL_SIZE, TEXT_SIZE, TICK_SIZE = 9.0, 8.0, 7.0, 6.5  # points
LINE_HEIGHT, ENTRY_GAP = 0.118, 0.027  # inches of a line of a legend, and between its entries
ONE_LINE_LEGEND = LINE_HEIGHT + ENTRY_GAP
UNTITLED_ROOM = 0.17  # inches that a panel without a title of its own needs less
LETTER_WIDTH = 0.054  # inches of a letter of TEXT_SIZE, on average
SERIES_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
MARKERS = "osD^vPX<>"
GRID_COLOUR = "#e4e4e4"


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
    gap: float = 0.1
    row_gap: float = 0.4

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


def new_figure(grid: Grid, title: str, subtitle: str = "") -> Figure:
    """An empty figure of the grid's size, with a title and a line below it."""
    width, height = grid.size
    figure = Figure(figsize=(width, height), facecolor="white")
    write_title(figure, title, subtitle)
    return figure


def write_title(figure: Figure, title: str, subtitle: str = "") -> None:
    """A bold title in the top left corner, and a line below it."""
    width, height = figure.get_size_inches()
    x = 0.06 / width
    figure.text(x, 1 - 0.06 / height, title, fontsize=TITLE_SIZE, fontweight="bold", va="top")
    if subtitle:
        figure.text(x, 1 - 0.24 / height, subtitle, fontsize=TEXT_SIZE, va="top")


def panel_grid(
    panels: int,
    columns: int = 4,
    height: float = 1.2,
    left: float = 0.5,
    legend: float = 0.0,
    gap: float = 0.4,
) -> Grid:
    """A grid of plots with axes of their own, in one column of a paper for one panel, else in both.

    `left` is the room for labels, `legend` that of a legend above the panels, in inches.
    """
    columns = max(1, min(columns, panels))
    rows = max(1, -(-panels // columns))
    width = PAGE_WIDTH if columns > 1 else COLUMN_WIDTH + max(0.0, left - 1.0)
    panel_width = min((width - left) / columns - gap, 2.4) if columns > 1 else width - left - 0.15
    gap = gap if columns > 1 else 0.15
    top = 0.5 + legend
    return Grid(rows, columns, panel_width, height, left, top, bottom=0.42, gap=gap, row_gap=0.6)


def label_room(labels: list[str]) -> float:
    """Inches that these labels, some of several lines, need left of a panel."""
    return 0.2 + LETTER_WIDTH * max((len(line) for label in labels for line in label.split("\n")), default=0)


def legend_room(labels: list[str], columns: int) -> float:
    """Inches that a legend of so many columns is high; labels may have several lines."""
    parts = np.array_split(np.array(labels, dtype=object), columns)
    lines = [sum(str(label).count("\n") + 1 for label in part) for part in parts]
    return max(LINE_HEIGHT * line + ENTRY_GAP * len(part) for line, part in zip(lines, parts, strict=True))


def add_legend(figure: Figure, grid: Grid, columns: int = 4) -> None:
    """One legend for all panels, between title and panels."""
    found: dict[str, Artist] = {}
    for axes in figure.axes:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    if found:
        figure.legend(list(found.values()), list(found), loc="upper left", ncols=columns, fontsize=TEXT_SIZE,
                      bbox_to_anchor=(0.0, 1 - 0.2 / grid.size[1]), frameon=False, borderpad=0.2,
                      columnspacing=1.2, handletextpad=0.5, labelspacing=0.25)  # fmt: skip


def style_plot(axes: Axes, title: str = "") -> None:
    """Small ticks, a pale grid behind the data."""
    axes.set_title(title, fontsize=PANEL_SIZE, fontweight="bold", pad=3)
    axes.grid(color=GRID_COLOUR, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(which="both", labelsize=TICK_SIZE, length=2, pad=2)
    for spine in axes.spines.values():
        spine.set_linewidth(0.6)


def label_rows(axes: Axes, labels: list[str], is_first: bool) -> None:
    """A line per label from the top down, named if the panel is the first of its row."""
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.set_yticks(range(len(labels)), labels if is_first else [])


def colour_of(place: int) -> str:
    """The colour of the series at a place."""
    return SERIES_COLOURS[place % len(SERIES_COLOURS)]


def marker_of(place: int) -> str:
    """The marker of the series at a place."""
    return MARKERS[place % len(MARKERS)]


def row_grid(panels: int, labels: list[str], row_height: float = 0.27, legend: float = 0.0) -> Grid:
    """A grid of panels with a line per label, the labels left of each row of panels.

    `legend` is the room for a legend above the panels, in inches.
    """
    columns, gap = min(4, panels), 0.1
    left = label_room(labels)
    width = min((PAGE_WIDTH - left) / columns - gap, 2.6)
    if columns == 1:
        width = max(COLUMN_WIDTH - left - gap, 1.5)
    height = max(0.6, row_height * len(labels))
    return Grid(-(-panels // columns), columns, width, height, left, top=0.6 + legend, bottom=0.42, gap=gap,
                row_gap=0.6)  # fmt: skip
