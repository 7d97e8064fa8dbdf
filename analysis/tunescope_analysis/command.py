"""The command `tunescope-report`: the only module that prints or decides an exit status."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tunescope_analysis.files import DEFAULT_FORMATS, FORMATS, write_report
from tunescope_analysis.report import build_report
from tunescope_analysis.results import ResultsError, open_results


def main(arguments: Sequence[str] | None = None) -> int:
    """Write a report; returns 0, or 2 with one line on stderr where the file or the folder is unusable."""
    options = _parser().parse_args(arguments)
    folder = options.output or Path(f"{options.file.stem}-report")
    try:
        with open_results(options.file) as results:
            report = build_report(results)
            written = write_report(report, folder, options.format)
            has_trials = report.has_trials
    except (ResultsError, OSError) as error:
        print(f"tunescope-report: {error}", file=sys.stderr)
        return 2
    if not has_trials:
        print(f"{options.file}: no trials yet")
    for path in written:
        print(f"report: {path}" if path.name == "report.html" else path)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tunescope-report", description="Write a report page, tables and figures from a Tunescope file."
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="merged result file (NAME.h5)")
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
        raise argparse.ArgumentTypeError(
            f"no format {', '.join(unknown) or 'named'}; there are {', '.join(FORMATS)}"
        )
    return names
