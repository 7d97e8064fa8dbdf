"""The command line: pack a bundle, or run the checks of the one that this script lies in."""

import argparse
import shutil
import signal
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from .bundle import Bundle, open_bundle
from .checks import CHECKS, UNPROVED
from .errors import CheckFailed, PackError
from .machine import Gpu, find_gpu
from .pack import pack
from .process import Log
from .report import FAILED, SKIPPED, Report
from .runner import Place, run_checks

ROOT = Path(__file__).resolve().parent.parent.parent
DEFAULT_ARCHIVE = "check-gpu.tar.xz"
WRONG_USE = 2
DESCRIPTION = """\
Prove the program on a machine with one NVIDIA GPU that has a CUDA 13 driver and a Python 3.11 or newer with torch
2.11, but neither Open MPI nor HDF5, Boost, ICU or spdlog. --pack makes an archive with the program, its tests and the
libraries that such a machine lacks. Unpacked there, this script runs the checks, cheap ones first, and prints a line
as each ends. Without a GPU it runs those that have a form for the CPU and lists the others."""
EPILOG = """\
exit status:
  0   nothing failed; the last line says INCOMPLETE if not everything was run
  1   a check failed
  2   wrong use, or the bundle cannot be made; remedy in the message

examples:
  scripts/check-gpu --pack                        from build/cuda, into build/check-gpu.tar.xz
  scripts/check-gpu --pack FILE --build build/ci  a build without CUDA
  tunescope-check-gpu/scripts/check-gpu           on the other machine, after tar xf"""


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        "scripts/check-gpu",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--pack", nargs="?", const="", metavar="FILE", help=f"make the bundle (default: build/{DEFAULT_ARCHIVE})")
    add("--build", type=Path, default=ROOT / "build" / "cuda", metavar="DIR", help="what to pack (default: build/cuda)")
    add("--level", type=int, choices=range(10), default=6, metavar="0-9", help="of compression (default: 6)")
    add("--output", type=Path, default=Path("check-gpu-results"), metavar="DIR", help="default: ./%(default)s")
    add("--seconds", type=float, default=360, help="for all checks together (default: %(default)s)")
    add("--only", nargs="+", choices=[check.name for check in CHECKS], metavar="CHECK", help="some checks alone")
    return parser


def why_on_cpu(bundle: Bundle, gpu: Gpu) -> str:
    """Return why the checks run on the CPU; empty if there is a GPU for them."""
    if gpu.problem:
        return f"no GPU here: {gpu.problem}"
    return "" if bundle.manifest.has_cuda else f"no CUDA backend in this bundle; {gpu.name} is left alone"


def list_what_was_not_run(report: Report) -> None:
    """Print it once more, with the reasons, where it is not overlooked."""
    skipped = [outcome for outcome in report.outcomes if outcome.status == SKIPPED]
    if skipped:
        print("not run:")
    for outcome in skipped:
        print(f"  {outcome.name}: {outcome.figure}")
    print(f"  {UNPROVED}" if skipped else UNPROVED)


def run(options: argparse.Namespace) -> int:
    """Run the checks of the bundle; return the exit status."""
    bundle = open_bundle(ROOT)
    gpu = find_gpu()
    reason = why_on_cpu(bundle, gpu)
    print(reason or f"{gpu.name}, driver for CUDA {gpu.driver}", flush=True)
    options.output.mkdir(parents=True, exist_ok=True)
    output = options.output.resolve()
    log = output / "check-gpu.log"
    log.unlink(missing_ok=True)
    device = "cpu" if reason else "cuda"
    machine = {"gpu": asdict(gpu), "device": device, "bundle": asdict(bundle.manifest)}
    report = Report(output / "check-gpu.json", machine, [check.name for check in CHECKS])
    checks = [check for check in CHECKS if not options.only or check.name in options.only]
    scratch = Path(tempfile.mkdtemp(prefix="check-gpu-"))
    try:
        run_checks(checks, Place(bundle, device, scratch, Log(log)), report, options.seconds)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    list_what_was_not_run(report)
    print(f"{report.summary()}; {report.file} and {log.name} tell the rest")
    return 1 if report.names(FAILED) else 0


def stop(signal_number: int, frame: object) -> None:
    """Treat SIGTERM as Ctrl-C: what runs is ended."""
    raise KeyboardInterrupt


def main() -> int:
    """Run the command line; return the exit status."""
    options = make_parser().parse_args()
    signal.signal(signal.SIGTERM, stop)
    try:
        if options.pack is None:
            return run(options)
        archive = Path(options.pack) if options.pack else ROOT / "build" / DEFAULT_ARCHIVE
        print(pack(ROOT, options.build.resolve(), archive, options.level))
        return 0
    except (PackError, CheckFailed) as error:
        print(error, file=sys.stderr)
        return WRONG_USE
    except KeyboardInterrupt:
        print("stopped; what has ended is in the report", file=sys.stderr)
        return 1
