"""Times one model, task and method on all sides, in turn."""

import math
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from glue_data import write_sample

from side_by_side.engine import Engine, Job, epoch_flop, epoch_seconds, evaluation_seconds, run_job
from side_by_side.peer_process import PeerError, PeerProcess

GEMM_SECONDS = 0.5
MOST_REPETITIONS = 40
COMPILE_LIMIT_SECONDS = 600.0


@dataclass(frozen=True)
class Model:
    """A model folder, and how much of a task is enough to time it."""

    folder: Path
    steps: int
    dev_examples: int


@dataclass(frozen=True)
class Settings:
    """What is the same for everything that is measured."""

    engine: Engine
    peers_python: Path
    glue: Path
    batch_size: int
    precision: str
    repeats: int
    seconds: float  # that a measurement should last at least
    peers: tuple[str, ...]  # styles, "best" among them; and "compiled" where it works
    with_compiled: bool
    lanes: int  # 1: trials that train together are not measured


@dataclass(frozen=True)
class Cell:
    """A line of the table."""

    name: str
    model: Model
    task: str
    method: str
    with_evaluation: bool


def log(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def repetitions(settings: Settings, seconds_each: float) -> int:
    return min(MOST_REPETITIONS, max(1, math.ceil(settings.seconds / seconds_each)))


def start_peer(settings: Settings, job: Job, style: str) -> PeerProcess:
    """A peer with the job's model, examples and method."""
    options = {
        "style": style,
        "model": str(job.model),
        "glue": str(job.glue),
        "task": job.task,
        "method": job.method,
        "batch_size": job.batch_size,
        "precision": job.precision,
        "threads": settings.engine.threads,
    }
    return PeerProcess(settings.peers_python, options)


def in_turn(sides: dict[str, Callable[[], float]], repeats: int) -> list[dict[str, float]]:
    """One value a side in each round; every other round goes backwards."""
    rounds = []
    for number in range(repeats):
        names = list(sides) if number % 2 == 0 else list(sides)[::-1]
        rounds.append({name: sides[name]() for name in names})
    return rounds


class CellRun:
    """Measures one cell while its peers are running."""

    def __init__(self, settings: Settings, cell: Cell, job: Job, peers: dict[str, PeerProcess]) -> None:
        self.settings, self.cell, self.job, self.peers = settings, cell, job, peers
        self.peak_bytes = {"tunescope": 0}

    def descriptions(self, trainable: int) -> dict[str, dict]:
        """What the peers say of themselves; all sides must train the same parameters."""
        found = {style: peer.ask("describe") for style, peer in self.peers.items()}
        for style, description in found.items():
            if description["trainable_parameters"] != trainable:
                raise SystemExit(
                    f"{self.job.method}: tunescope trains {trainable} parameters, "
                    f"the peer '{style}' {description['trainable_parameters']}"
                )
        return found

    def train_tunescope(self, epochs: int) -> float:
        seconds, peak_bytes = epoch_seconds(self.settings.engine, self.job, epochs)
        self.peak_bytes["tunescope"] = max(self.peak_bytes["tunescope"], peak_bytes)
        return seconds

    def train_lanes(self, epochs: int) -> float:
        """Seconds of an epoch of all lanes."""
        job = replace(self.job, lanes=self.settings.lanes)
        return epoch_seconds(self.settings.engine, job, epochs)[0]

    def training_rounds(self) -> list[dict[str, float]]:
        """Seconds of an epoch, and the rate of a large matrix product, by round."""
        seconds = self.train_tunescope(2)
        epochs = repetitions(self.settings, seconds)
        sides: dict[str, Callable[[], float]] = {
            "gemm": lambda: self.peers["best"].ask("gemm", GEMM_SECONDS),
            "tunescope": lambda: self.train_tunescope(epochs),
        }
        if self.settings.lanes > 1:
            epochs_of_lanes = repetitions(self.settings, self.settings.lanes * seconds)
            sides["lanes"] = lambda: self.train_lanes(epochs_of_lanes)
        for style, peer in self.peers.items():
            count = repetitions(self.settings, self.cell.model.steps * peer.ask("warm_up"))
            sides[style] = lambda peer=peer, count=count: peer.ask("train", count)
        return in_turn(sides, self.settings.repeats)

    def evaluation_rounds(self) -> list[dict[str, float]]:
        """Seconds of a pass over the development examples by round."""
        passes = repetitions(self.settings, evaluation_seconds(self.settings.engine, self.job, 1))
        sides: dict[str, Callable[[], float]] = {
            "tunescope": lambda: evaluation_seconds(self.settings.engine, self.job, passes)
        }
        for style in self.settings.peers:  # a compiled model would compile anew
            peer = self.peers[style]
            count = repetitions(self.settings, peer.ask("evaluate", 1))
            sides[style] = lambda peer=peer, count=count: peer.ask("evaluate", count)
        return in_turn(sides, self.settings.repeats)

    def measure(self) -> dict:
        """Everything about this cell, as it is written to the JSON file."""
        engine, model = self.settings.engine, self.cell.model
        first = run_job(engine, self.job)
        record = {
            "model": self.cell.name,
            "task": self.job.task,
            "method": self.job.method,
            "examples": model.steps * self.job.batch_size,
            "flop": epoch_flop(engine, self.job),
            "trainable_parameters": first.trainable_parameters,
            "peers": self.descriptions(first.trainable_parameters),
            "training": self.training_rounds(),
        }
        for style, peer in self.peers.items():
            self.peak_bytes[style] = peer.ask("memory")
        record["peak_bytes"] = self.peak_bytes
        if self.cell.with_evaluation:
            record["evaluation_examples"] = model.dev_examples
            record["evaluation"] = self.evaluation_rounds()
        return record


def make_job(settings: Settings, cell: Cell, folder: Path) -> Job:
    """A job on a sample of the task's examples, which is written to the folder."""
    counts = {"train": cell.model.steps * settings.batch_size, "dev": cell.model.dev_examples}
    write_sample(settings.glue, folder / "glue", cell.task, counts)
    return Job(cell.model.folder, folder / "glue", cell.task, cell.method, settings.batch_size, settings.precision)


def start_compiled(peer: PeerProcess) -> dict:
    """Let a peer compile, which takes an epoch; says how long it took, or why it does not work here."""
    try:
        return {"first_epoch_seconds": peer.ask("train", 1, timeout_seconds=COMPILE_LIMIT_SECONDS)}
    except PeerError as error:
        return {"error": str(error).strip()}


def measure_cell(settings: Settings, cell: Cell) -> dict:
    """Write the examples, start the peers, measure."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        job = make_job(settings, cell, Path(name))
        peers = {style: stack.enter_context(start_peer(settings, job, style)) for style in settings.peers}
        compiling = None
        if settings.with_compiled:
            compiled = start_peer(settings, job, "compiled")
            compiling = start_compiled(compiled)
            if "error" in compiling:
                compiled.close()
            else:
                peers["compiled"] = stack.enter_context(compiled)
        return CellRun(settings, cell, job, peers).measure() | {"compiling": compiling}
