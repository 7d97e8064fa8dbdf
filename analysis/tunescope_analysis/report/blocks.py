"""What a section of a report is made of, whatever it is written to."""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import pandas as pd
from matplotlib.figure import Figure

from tunescope_analysis.report.drawing.panel_grid import COLUMN_WIDTH

DOTS_PER_INCH = 200


@dataclass(frozen=True)
class Cell:
    """One cell of a table: `note` follows in small letters, `line` stands below; `link` is an anchor."""

    text: str
    note: str = ""
    line: str = ""
    is_best: bool = False
    link: str = ""


@dataclass(frozen=True)
class Heading:
    """A column's heading; numbers are set flush right."""

    text: str
    note: str = ""
    is_number: bool = True


@dataclass(frozen=True)
class Paragraph:
    """A sentence or more; a note is set apart from the findings: what is missing, what to run for it."""

    text: str
    is_note: bool = False
    kind: str = "paragraph"


@dataclass(frozen=True)
class Subheading:
    """The title of what follows, inside a part."""

    text: str
    kind: str = "subheading"


@dataclass(frozen=True)
class Listing:
    """A numbered list."""

    items: list[str]
    kind: str = "listing"


@dataclass(frozen=True)
class Facts:
    """Names with their values."""

    pairs: list[tuple[str, str]]
    kind: str = "facts"


@dataclass(frozen=True)
class Verbatim:
    """Text as it is, line by line."""

    text: str
    kind: str = "verbatim"


@dataclass(frozen=True)
class Table:
    """A table: `frame` holds the numbers for files, `rows` what a reader sees; without rows only a file.

    The first column of `rows` names the row. An empty `name` makes no file. `folded` are further rows, which
    the page shows as one line each, to be opened.
    """

    name: str
    frame: pd.DataFrame
    headings: list[Heading] = field(default_factory=list)
    rows: list[list[Cell]] = field(default_factory=list)
    caption: str = ""
    folded: list[list[Cell]] = field(default_factory=list)
    kind: str = "table"

    @property
    def is_prose(self) -> bool:
        """Whether no column holds numbers, so that a phone may set the cells below one another."""
        return not any(heading.is_number for heading in self.headings)


@dataclass(frozen=True)
class Picture:
    """A figure, drawn when it is first asked for: a report without figures need not draw them.

    `name` is the stem of its files and its anchor, `alt` says in words what it shows.
    """

    name: str
    draw: Callable[[], Figure]
    alt: str
    caption: str = ""
    kind: str = "picture"

    @cached_property
    def figure(self) -> Figure:
        """The figure itself."""
        return self.draw()

    @property
    def is_wide(self) -> bool:
        """Whether it takes more than one column of a paper, and so scrolls on a phone."""
        return bool(self.figure.get_figwidth() > 1.5 * COLUMN_WIDTH)

    @cached_property
    def png(self) -> bytes:
        """The figure as PNG."""
        buffer = io.BytesIO()
        self.figure.savefig(buffer, format="png", dpi=DOTS_PER_INCH)
        return buffer.getvalue()


Block = Paragraph | Subheading | Listing | Facts | Verbatim | Table | Picture


@dataclass(frozen=True)
class Column:
    """How a column of a frame is shown."""

    heading: str
    show: Callable[[object], str] = str
    is_number: bool = True


def frame_table(name: str, frame: pd.DataFrame, columns: Mapping[str, Column], caption: str = "") -> Table:
    """A table of the named columns of a frame; the frame's other columns go to the files only."""
    headings = [Heading(column.heading, is_number=column.is_number) for column in columns.values()]
    shown = [[column.show(value) for value in frame[key]] for key, column in columns.items()]
    rows = [[Cell(text) for text in row] for row in zip(*shown, strict=True)]
    return Table(name, frame, headings, rows, caption)
