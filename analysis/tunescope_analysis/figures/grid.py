"""Where panels go in a figure, and the colours and markers that all figures share."""

from dataclasses import dataclass

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
MARKERS = "osD^vPX<>"
PALE = "#e4e4e4"


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


def new_figure(grid: Grid, title: str, subtitle: str = "") -> Figure:
    """An empty figure of the grid's size, with a title and a line below it."""
    width, height = grid.size
    figure = Figure(figsize=(width, height), facecolor="white")
    figure.text(0.12 / width, 1 - 0.1 / height, title, fontsize=12, fontweight="bold", va="top")
    if subtitle:
        figure.text(0.12 / width, 1 - 0.36 / height, subtitle, fontsize=9, va="top")
    return figure


def panel_grid(
    panels: int, columns: int = 4, width: float = 2.6, height: float = 2.1, left: float = 0.75
) -> Grid:
    """A grid of plots with axes of their own; one to three panels stand in one row."""
    columns = max(1, min(columns, panels))
    rows = max(1, -(-panels // columns))
    width = 4.6 if columns == 1 else width
    return Grid(rows, columns, width, height, left, top=0.95, bottom=0.6, gap=0.65, row_gap=0.85)


def add_legend(figure: Figure, grid: Grid, columns: int = 4) -> None:
    """One legend for all panels, between title and panels."""
    found: dict[str, Artist] = {}
    for axes in figure.axes:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    if found:
        figure.legend(list(found.values()), list(found), loc="upper left", ncols=columns, fontsize=8.5,
                      bbox_to_anchor=(0.005, 1 - 0.36 / grid.size[1]), frameon=False, borderpad=0.1,
                      columnspacing=1.2)  # fmt: skip


def style_plot(axes: Axes, title: str = "") -> None:
    """Small ticks, a pale grid behind the data."""
    axes.set_title(title, fontsize=10.5, fontweight="bold", pad=4)
    axes.grid(color=PALE)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=8.5)


def colour_of(place: int) -> str:
    """The colour of the series at a place."""
    return OKABE_ITO[place % len(OKABE_ITO)]


def marker_of(place: int) -> str:
    """The marker of the series at a place."""
    return MARKERS[place % len(MARKERS)]
