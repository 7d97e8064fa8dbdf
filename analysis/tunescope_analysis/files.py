"""The files that a report is written to."""

import io
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib as mpl
import pandas as pd

from tunescope_analysis.page import render_page
from tunescope_analysis.parts.part import Cell, Picture, Table
from tunescope_analysis.report import Report

FORMATS = {
    "html": "report.html, one page that stands alone",
    "csv": "every table, and the numbers of every figure",
    "png": "every figure",
    "pdf": "every figure as vectors, fonts embedded, for a paper",
    "latex": "every table of the page, for booktabs and longtable",
    "netcdf": "the maps and profiles that the figures show",
}
DEFAULT_FORMATS = ("html", "csv", "png")
# Stand for commands while cells are escaped.
BOLD_FROM, CODE_FROM, GROUP_TO, BREAK = "\ue000\ue001\ue002\ue003"
STACK_FROM, STACK_LINE, STACK_TO = "\ue004\ue005\ue006"
MAY_BREAK = re.compile(r"(?<=[,:])(?=[a-z])")  # in the spelling of a method
LATEX = {
    BOLD_FROM: r"\textbf{",
    CODE_FROM: r"\texttt{",
    GROUP_TO: "}",
    BREAK: r"\allowbreak{}",
    STACK_FROM: r"\begin{tabular}[t]{@{}r@{}}",
    STACK_LINE: r"\\\scriptsize ",
    STACK_TO: r"\end{tabular}",
    "<": "$<$",
    ">": "$>$",
    "|": "$|$",
    "✓": r"$\surd$",
    "−": "$-$",
    "±": r"$\pm$",
    "×": r"$\times$",
    "–": "--",
    "≈": r"$\approx$",
    "≤": r"$\le$",
    "ε": r"$\varepsilon$",
    "θ": r"$\theta$",
}


def write_report(report: Report, folder: Path, formats: Iterable[str] = DEFAULT_FORMATS) -> list[Path]:
    """Write the report into `folder` in the formats named; returns the paths in order, the page last."""
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"{folder}: not a folder; name another one with -o")
    folder.mkdir(parents=True, exist_ok=True)
    wanted, written = set(formats), []
    for table in report.tables:
        if "csv" in wanted:
            written.append(folder / f"{table.name}.csv")
            with _complete(written[-1]) as unfinished:
                table.frame.to_csv(unfinished, index=False)
        if "latex" in wanted and table.rows + table.folded:
            written.append(folder / f"{table.name}.tex")
            with _complete(written[-1]) as unfinished:
                unfinished.write_text(latex_table(table), encoding="utf-8")
    for picture in report.pictures:
        written += _write_picture(picture, folder, wanted)
    if "netcdf" in wanted:
        for part in report.parts:
            for name, dataset in part.datasets.items():
                written.append(folder / f"{name}.nc")
                with _complete(written[-1]) as unfinished:
                    dataset.to_netcdf(unfinished, engine="h5netcdf")
    if "html" in wanted:
        written.append(folder / "report.html")
        with _complete(written[-1]) as unfinished:
            unfinished.write_text(render_page(report), encoding="utf-8")
    return written


def latex_table(table: Table) -> str:
    """The table as the page shows it, for LaTeX with booktabs: the best bold.

    Prose is a longtable, with columns that wrap.
    """
    headings = [" ".join(filter(None, (heading.text, heading.note))) for heading in table.headings]
    rows = [
        [_latex_cell(cell, heading.is_number) for cell, heading in zip(row, table.headings, strict=True)]
        for row in table.rows + table.folded
    ]
    if table.is_prose:
        columns = _prose_columns([headings, *rows])
        rows = [[MAY_BREAK.sub(BREAK, text) for text in row] for row in rows]
    else:
        columns = "".join("r" if heading.is_number else "l" for heading in table.headings)
    frame = pd.DataFrame(rows, columns=headings)
    text = str(frame.to_latex(index=False, escape=True, column_format=columns, longtable=table.is_prose))
    for character, command in LATEX.items():
        text = text.replace(character, command)
    return text


@contextmanager
def _complete(path: Path) -> Iterator[Path]:
    """A path to write to, which becomes `path` once all is written; `OSError` names `path`."""
    unfinished = path.with_name(f".{path.name}.partial")
    try:
        yield unfinished
        unfinished.replace(path)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)  # HDF5 adds two lines
        raise OSError(error.errno, reason, str(path)) from error
    finally:
        unfinished.unlink(missing_ok=True)


def _latex_cell(cell: Cell, is_number: bool) -> str:
    text, note, line = (
        re.sub(r"`([^`]+)`", rf"{CODE_FROM}\1{GROUP_TO}", words)
        for words in (cell.text, cell.note, cell.line)
    )
    text = f"{BOLD_FROM}{text}{GROUP_TO}" if cell.is_best else text
    text = " ".join(filter(None, (text, note)))
    if line and is_number:
        return f"{STACK_FROM}{text}{STACK_LINE}{line}{STACK_TO}"
    return f"{text} {line}".rstrip()


def _prose_columns(rows: list[list[str]]) -> str:
    """Columns that wrap; longer text has the wider one. Of the line 4 % a column are left for the gaps."""
    weights = [max(map(len, column)) ** 0.3 for column in zip(*rows, strict=True)]
    room = (1 - 0.04 * len(weights)) / sum(weights)
    return "".join(rf"p{{{room * weight:.2f}\linewidth}}" for weight in weights)


def _write_picture(picture: Picture, folder: Path, wanted: set[str]) -> list[Path]:
    written = []
    if "png" in wanted:
        written.append(folder / f"{picture.name}.png")
        with _complete(written[-1]) as unfinished:
            unfinished.write_bytes(picture.png)
    if "pdf" in wanted:
        written.append(folder / f"{picture.name}.pdf")
        buffer = io.BytesIO()  # matplotlib fails in other ways than OSError where it cannot write
        with mpl.rc_context({"pdf.fonttype": 42}):
            picture.figure.savefig(buffer, format="pdf")
        with _complete(written[-1]) as unfinished:
            unfinished.write_bytes(buffer.getvalue())
    return written
