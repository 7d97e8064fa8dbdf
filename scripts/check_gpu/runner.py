"""Runs checks one after another, each within its time limit, whatever becomes of the others."""

import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .bundle import Bundle
from .errors import CheckFailed, CheckSkipped, TimeIsUp
from .machine import program_environment, python_environment
from .process import Finished, Log, Processes
from .report import FAILED, PASSED, SKIPPED, Outcome, Report

RUN_IS_OVER = "the time of this run was over; --seconds gives more"


@dataclass
class Context:
    """What a check works with."""

    bundle: Bundle
    device: str  # cpu or cuda
    folder: Path  # for its files
    models: Path  # for models, which checks share
    processes: Processes
    report: Report
    details: dict[str, Any] = field(default_factory=dict)  # numbers for the JSON file

    def program(self, name: str) -> Path:
        """Return a program of the bundle; without it the check is skipped."""
        if not self.bundle.has_program(name):
            raise CheckSkipped(f"{name} is not in this bundle")
        return self.bundle.program(name)

    def run(self, *command: str | Path, expected: int = 0) -> Finished:
        """Run a program of the bundle, or a tool of the machine on one, to its end in the check's folder."""
        return self.processes.run(command, self.environment(), self.folder, expected)

    def run_python(self, *arguments: str | Path) -> Finished:
        """Run a script with this machine's Python packages."""
        return self.processes.run([sys.executable, *arguments], python_environment(), self.folder)

    def environment(self) -> dict[str, str]:
        return program_environment(self.bundle) | {"TUNESCOPE_TEST_DEVICE": self.device}

    def start(self, *command: str | Path) -> subprocess.Popen[str]:
        """Start a program of the bundle."""
        return self.processes.start(command, self.environment(), self.folder)

    def start_python(self, *arguments: str | Path) -> subprocess.Popen[str]:
        """Start a script."""
        return self.processes.start([sys.executable, *arguments], python_environment(), self.folder)

    def wait_for(self, condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
        """Wait until something is so, the process has ended, or the check's time is up."""
        while not condition() and process.poll() is None and time.monotonic() < self.processes.deadline:
            time.sleep(0.01)


@dataclass(frozen=True)
class Check:
    """A check. `run` returns the key figure."""

    name: str
    seconds: float  # its limit
    run: Callable[[Context], str]
    has_cpu_form: bool = True


@dataclass(frozen=True)
class Place:
    """Where checks run."""

    bundle: Bundle
    device: str
    folder: Path
    log: Log

    def run(self, check: Check, report: Report, deadline: float) -> Outcome:
        """Run one check. Nothing that it started is left when this returns."""
        begin = time.monotonic()
        folder = self.folder / check.name.replace(" ", "-")
        folder.mkdir(parents=True)
        processes = Processes(self.log, min(begin + check.seconds, deadline))
        context = Context(self.bundle, self.device, folder, self.folder / "models", processes, report)
        self.log.write(f"\n== {check.name}")
        status = FAILED
        try:
            figure, status = check.run(context), PASSED
        except CheckSkipped as skipped:
            figure, status = str(skipped), SKIPPED
        except TimeIsUp as stopped:
            is_own_limit = begin + check.seconds <= deadline
            figure, status = (str(stopped), FAILED) if is_own_limit else (RUN_IS_OVER, SKIPPED)
        except CheckFailed as failed:
            figure = str(failed)
        except Exception as error:  # a fault of the check itself must not keep the others from running
            self.log.write(traceback.format_exc())
            figure = f"{type(error).__name__}: {error}"
        finally:
            processes.end_all()
        return Outcome(check.name, status, time.monotonic() - begin, figure, context.details)


def run_checks(checks: Sequence[Check], place: Place, report: Report, seconds: float) -> None:
    """Run the checks in order, within so many seconds in all; those for which that is not enough are skipped."""
    deadline = time.monotonic() + seconds
    for check in checks:
        if place.device == "cpu" and not check.has_cpu_form:
            report.add(Outcome(check.name, SKIPPED, 0.0, "needs a GPU"))
        elif time.monotonic() >= deadline:
            report.add(Outcome(check.name, SKIPPED, 0.0, RUN_IS_OVER))
        else:
            report.add(place.run(check, report, deadline))
