"""The files that a report is written to."""

import re
from collections.abc import Iterable
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
    "latex": "every table of the page, for booktabs",
    "netcdf": "the maps and profiles that the figures show",
}
DEFAULT_FORMATS = ("html", "csv", "png")
BOLD_FROM, BOLD_TO = "\ue000", "\ue001"  # stand for a command while cells are escaped
LATEX = {
    BOLD_FROM: r"\textbf{",
    BOLD_TO: "}",
    "<": "$<$",
    "✓": r"$\surd$",
    "−": "$-$",
    "±": r"$\pm$",
    "×": r"$\times$",
    "–": "--",
    "≈": r"$\approx$",
    "≤": r"$\le$",
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
            table.frame.to_csv(written[-1], index=False)
        if "latex" in wanted and table.rows:
            written.append(folder / f"{table.name}.tex")
            written[-1].write_text(latex_table(table), encoding="utf-8")
    for picture in report.pictures:
        written += _write_picture(picture, folder, wanted)
    if "netcdf" in wanted:
        for part in report.parts:
            for name, dataset in part.datasets.items():
                written.append(folder / f"{name}.nc")
                dataset.to_netcdf(written[-1], engine="h5netcdf")
    if "html" in wanted:
        written.append(folder / "report.html")
        written[-1].write_text(render_page(report), encoding="utf-8")
    return written


def latex_table(table: Table) -> str:
    """The table as the page shows it, for LaTeX with booktabs: the best bold, prose in columns that wrap."""
    headings = [" ".join(filter(None, (heading.text, heading.note))) for heading in table.headings]
    rows = [[_latex_cell(cell) for cell in row] for row in table.rows]
    wrapped = rf"p{{{0.9 / len(headings):.2f}\linewidth}}"
    columns = "".join("r" if h.is_number else wrapped if table.is_prose else "l" for h in table.headings)
    frame = pd.DataFrame(rows, columns=headings)
    text = str(frame.to_latex(index=False, escape=True, column_format=columns))
    for character, command in LATEX.items():
        text = text.replace(character, command)
    return re.sub(r"`([^`]+)`", r"\\texttt{\1}", text)


def _latex_cell(cell: Cell) -> str:
    text = f"{BOLD_FROM}{cell.text}{BOLD_TO}" if cell.is_best else cell.text
    return " ".join(filter(None, (text, cell.note, cell.line)))


def _write_picture(picture: Picture, folder: Path, wanted: set[str]) -> list[Path]:
    written = []
    if "png" in wanted:
        written.append(folder / f"{picture.name}.png")
        written[-1].write_bytes(picture.png)
    if "pdf" in wanted:
        written.append(folder / f"{picture.name}.pdf")
        with mpl.rc_context({"pdf.fonttype": 42}):
            picture.figure.savefig(written[-1])
    return written
