"""The command `tunescope-report`: the only module that prints or decides an exit status."""

import argparse
import io
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from tunescope_analysis.assembly import build_comparison, build_difference, build_report
from tunescope_analysis.dashboards import formats as dashboards
from tunescope_analysis.io.results import Results, ResultsError, open_results, readable
from tunescope_analysis.report.report import Report
from tunescope_analysis.report.writers import DEFAULT_FORMATS, write_report
from tunescope_analysis.report.writers import FORMATS as REPORT_FORMATS

FORMATS = REPORT_FORMATS | dashboards.FORMATS


def main(arguments: Sequence[str] | None = None) -> int:
    """Write reports; returns 0, or 2 with one line on stderr if a file or the folder is unusable."""
    options = _parser().parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="surrogateescape")  # paths as they are, whatever their bytes
    try:
        with ExitStack() as stack:
            paths = options.diff or options.file
            files = {
                name: stack.enter_context(open_results(path)) for name, path in name_files(paths).items()
            }
            folder = options.output or Path(f"{'-'.join(files)}-report")
            for results in files.values():
                if not results.trials.sizes["trial"]:
                    print(f"{results.path}: no trials yet")
            formats = [name for name in options.format if name in REPORT_FORMATS]
            reports = _reports(files, bool(options.diff)) if formats else {}
            for place, report in reports.items():
                _write(report, folder / place, formats)
                if report.answer:
                    print(report.answer)
            for kind in [name for name in options.format if name in dashboards.FORMATS]:
                shown = {dashboards.write_dashboard(kind, name, file, folder) for name, file in files.items()}
                print(*(f"{kind}: {command}" for command in shown), sep="\n")
    except (ResultsError, dashboards.DashboardError, OSError) as error:
        print(f"tunescope-report: {error}", file=sys.stderr)
        return 2
    return 0


def name_files(paths: Sequence[Path]) -> dict[str, Path]:
    """A name for each file: its stem, with the folder before it if stems are equal, then a number."""
    stems = [readable(path.stem) for path in paths]
    named: dict[str, Path] = {}
    for path, stem in zip(paths, stems, strict=True):
        name = stem if stems.count(stem) == 1 else f"{readable(path.resolve().parent.name)}-{stem}"
        number = 1
        while name in named:
            number += 1
            name = f"{stem}-{number}"
        named[name] = path
    return named


def _reports(files: dict[str, Results], is_difference: bool) -> dict[str, Report]:
    """Reports by the folder below the output that they go to."""
    if is_difference:
        return {".": build_difference(files)}
    if len(files) == 1:
        return {".": build_report(next(iter(files.values())))}
    reports = {name: build_report(results) for name, results in files.items()}
    return reports | {".": build_comparison(files, reports)}


def _write(report: Report, folder: Path, formats: Sequence[str]) -> None:
    for path in write_report(report, folder, formats):
        print(f"report: {path}" if path.name == "report.html" else path)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tunescope-report",
        description="Write a report page, tables and figures from a Tunescope file; of several files one "
        "each, and one that puts them side by side.",
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("file", type=Path, nargs="*", default=[], metavar="FILE",
                        help="merged result file (NAME.h5)")  # fmt: skip
    source.add_argument("--diff", type=Path, nargs=2, metavar=("A", "B"),
                        help="say which scores moved from A to B beyond seed noise")  # fmt: skip
    parser.add_argument(
        "-o", "--output", type=Path, metavar="DIR", help="folder to write into (default: NAME-report)"
    )
    described = "; ".join(f"{name}: {what}" for name, what in FORMATS.items())
    parser.add_argument(
        "--format",
        type=_formats,
        default=DEFAULT_FORMATS,
        metavar="LIST",
        help=f"comma-separated, of {described} (default: {','.join(DEFAULT_FORMATS)})",
    )
    return parser


def _formats(text: str) -> list[str]:
    names = [name for name in text.replace(" ", ",").split(",") if name]
    unknown = [name for name in names if name not in FORMATS]
    if unknown or not names:
        named = ", ".join(unknown) or "named"
        raise argparse.ArgumentTypeError(f"no format {named}; there are {', '.join(FORMATS)}")
    return names
