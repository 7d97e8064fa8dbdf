"""The command `tunescope-report`: the only module that prints or decides an exit status."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tunescope_analysis.files import write_report
from tunescope_analysis.report import build_report
from tunescope_analysis.results import ResultsError, open_results


def main(arguments: Sequence[str] | None = None) -> int:
    """Write a report; returns 0, or 2 with one line on stderr where the file or the folder is unusable."""
    options = _parser().parse_args(arguments)
    folder = options.output or Path(f"{options.file.stem}-report")
    try:
        with open_results(options.file) as results:
            report = build_report(results)
            written = write_report(report, folder)
    except (ResultsError, OSError) as error:
        print(f"tunescope-report: {error}", file=sys.stderr)
        return 2
    if report.trials.empty:
        print(f"{options.file}: no trials yet")
    for path in written[:-1]:
        print(path)
    print(f"report: {written[-1]}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tunescope-report", description="Write a report page, tables and figures from a Tunescope file."
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="merged result file (NAME.h5)")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="DIR", help="folder to write into (default: NAME-report)"
    )
    return parser
