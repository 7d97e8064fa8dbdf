"""Starts a peer process and talks to it."""

import contextlib
import json
import os
import select
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType

BENCHMARKS = Path(__file__).resolve().parent.parent


class PeerError(Exception):
    """A peer died, or did not answer in time."""


class PeerProcess:
    """One process of side_by_side.peer; it ends with the `with` block, or `close`."""

    def __init__(self, python: Path, options: dict) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._log = Path(self._folder.name) / "log"
        environment = os.environ | {
            "OMP_NUM_THREADS": str(options["threads"]),
            "PYTHONPATH": str(BENCHMARKS),
            "HF_HUB_OFFLINE": "1",
            "TOKENIZERS_PARALLELISM": "false",
        }
        options = options | {"folder": self._folder.name}
        with self._log.open("w", encoding="utf-8") as log:
            self._process = subprocess.Popen(
                [python, "-m", "side_by_side.peer", json.dumps(options)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=environment,
            )

    def __enter__(self) -> "PeerProcess":
        return self

    def __exit__(self, _: type | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the process: by itself, or where it is busy or stuck, by force."""
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._folder.cleanup()

    def ask(self, *command: object, timeout_seconds: float = 1800.0) -> object:
        """The answer to a command."""
        try:
            self._process.stdin.write(json.dumps(command) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise PeerError(self._log.read_text(encoding="utf-8")) from None
        ready, _, _ = select.select([self._process.stdout], [], [], timeout_seconds)
        if not ready:
            raise PeerError(f"no answer to {command[0]} in {timeout_seconds:.0f} s")
        line = self._process.stdout.readline()
        if not line:
            raise PeerError(self._log.read_text(encoding="utf-8"))
        return json.loads(line)
