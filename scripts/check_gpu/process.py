"""Commands with a time limit, each in a process group of its own that ends with it."""

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .errors import CheckFailed, TimeIsUp

Words = Sequence[str | Path]


@dataclass(frozen=True)
class Finished:
    """What a command printed, on both streams, and how it ended."""

    status: int
    output: str  # of the standard output
    errors: str


@dataclass
class Log:
    """Everything that commands print, in one file."""

    file: Path

    def write(self, text: str) -> None:
        with self.file.open("a", encoding="utf-8") as log:
            log.write(text if text.endswith("\n") or not text else text + "\n")


@dataclass
class Processes:
    """Runs commands until a moment after which none may run on."""

    log: Log
    deadline: float  # by time.monotonic()
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def start(self, command: Words, environment: dict[str, str], folder: Path) -> subprocess.Popen[str]:
        """Start a command; `end_all` ends it if nothing else has."""
        self.log.write("$ " + " ".join(map(str, command)))
        process = subprocess.Popen(
            [str(word) for word in command],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self.started.append(process)
        return process

    def finish(self, process: subprocess.Popen[str]) -> Finished:
        """Wait for a command that was started."""
        try:
            output, errors = process.communicate(timeout=max(0.1, self.deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            end_group(process)
            output, errors = process.communicate()
            self.log.write(output + errors)
            words = process.args if isinstance(process.args, list) else [process.args]
            raise TimeIsUp(Path(str(words[0])).name, output) from None
        self.log.write(output + errors)
        return Finished(process.returncode, output, errors)

    def run(self, command: Words, environment: dict[str, str], folder: Path, expected: int = 0) -> Finished:
        """Run a command to its end. Another exit status than the expected one fails the check."""
        finished = self.finish(self.start(command, environment, folder))
        if finished.status != expected:
            name = " ".join([Path(command[0]).name, *map(str, command[1:2])])
            lines = (finished.errors.strip() or finished.output.strip() or "it printed nothing").splitlines()
            raise CheckFailed(f"{name} ended with status {finished.status}, not {expected}: {lines[-1]}")
        return finished

    def end_all(self) -> None:
        """End what is still running."""
        for process in self.started:
            if process.poll() is None:
                end_group(process)
                process.communicate()


def end_group(process: subprocess.Popen[str]) -> None:
    """Kill a process and its children."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
