"""The files that a report is written to."""

import io
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib as mpl

from tunescope_analysis.report.blocks import Picture
from tunescope_analysis.report.html import render_page
from tunescope_analysis.report.latex import latex_table
from tunescope_analysis.report.report import Report

FORMATS = {
    "html": "report.html, one page that stands alone",
    "csv": "every table, and the numbers of every figure",
    "png": "every figure",
    "pdf": "every figure as vectors, fonts embedded, for a paper",
    "latex": "every table of the page, for booktabs and longtable",
    "netcdf": "the maps and profiles that the figures show",
}
DEFAULT_FORMATS = ("html", "csv", "png")


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
        for section in report.sections:
            for name, dataset in section.datasets.items():
                written.append(folder / f"{name}.nc")
                with _complete(written[-1]) as unfinished:
                    dataset.to_netcdf(unfinished, engine="h5netcdf")
    if "html" in wanted:
        written.append(folder / "report.html")
        with _complete(written[-1]) as unfinished:
            unfinished.write_text(render_page(report), encoding="utf-8")
    return written


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


def _write_picture(picture: Picture, folder: Path, wanted: set[str]) -> list[Path]:
    written = []
    if "png" in wanted:
        written.append(folder / f"{picture.name}.png")
        with _complete(written[-1]) as unfinished:
            unfinished.write_bytes(picture.png)
    if "pdf" in wanted:
        written.append(folder / f"{picture.name}.pdf")
        buffer = io.BytesIO()  # if matplotlib cannot write, it fails in other ways than OSError
        with mpl.rc_context({"pdf.fonttype": 42}):
            picture.figure.savefig(buffer, format="pdf")
        with _complete(written[-1]) as unfinished:
            unfinished.write_bytes(buffer.getvalue())
    return written
