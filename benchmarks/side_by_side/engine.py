"""Runs the tunescope program on one trial, or some in one pass, and reads how long it took."""

import os
import re
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import h5py

NEVER = 1_000_000_000
PREFIXES = {"G": 1e9, "T": 1e12, "P": 1e15}


@dataclass(frozen=True)
class Engine:
    """A build of tunescope, and the threads that it may use."""

    binary: Path
    threads: int


@dataclass(frozen=True)
class Job:
    """A job of one trial, or of `lanes` with different seeds that train together.

    `evaluate_every` is in steps, beside the evaluation after the last step.
    """

    model: Path
    glue: Path
    task: str
    method: str
    batch_size: int
    precision: str = "float32"
    epochs: int = 1
    max_steps: int = 0
    evaluate_every: int = NEVER
    lanes: int = 1


@dataclass(frozen=True)
class Run:
    """A finished job."""

    seconds: float  # training and evaluation of all trials, without start-up
    process_seconds: float
    peak_bytes: int
    trainable_parameters: int  # of each trial


def job_text(job: Job, engine: Engine, results: Path) -> str:
    """The job file; an empty `results` folder makes sure that nothing is taken from an earlier run."""
    return f"""name = timing
[model]
path = {job.model}
[data]
glue = {job.glue}
cache = {job.glue / "cache"}
tasks = {job.task}
[sweep]
methods = {job.method}
learning_rates = 1e-5
peft_learning_rates = 1e-5
seeds = {" ".join(map(str, range(1, job.lanes + 1)))}
[train]
epochs = {job.epochs}
max_steps = {job.max_steps}
batch_size = {job.batch_size}
precision = {job.precision}
evaluate_every = {job.evaluate_every}
[run]
results = {results}
device = cpu
threads = {engine.threads}
lanes = {job.lanes}
progress = none
"""


def call(engine: Engine, command: str, job: Job, folder: Path) -> tuple[str, int]:
    """What a command of the program prints on this job, and its peak resident memory in bytes."""
    file = folder / "timing.cfg"
    file.write_text(job_text(job, engine, folder / "results"), encoding="utf-8")
    environment = os.environ | {"OMP_NUM_THREADS": str(engine.threads)}
    log = folder / f"{command}.log"
    with log.open("w", encoding="utf-8") as output:
        process = subprocess.Popen([engine.binary, command, file], stdout=output, stderr=output, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    text = log.read_text(encoding="utf-8")
    if process.returncode != 0:
        raise SystemExit(f"{engine.binary} {command} ended with status {process.returncode}:\n{text}")
    return text, usage.ru_maxrss * 1024


def run_job(engine: Engine, job: Job) -> Run:
    """Train and evaluate this job's trials anew."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        begin = time.perf_counter()
        _, peak_bytes = call(engine, "sweep", job, folder)
        process_seconds = time.perf_counter() - begin
        with h5py.File(folder / "results" / "timing" / "timing.h5") as file:
            trials = file["trials"]
            return Run(
                seconds=float(sum(trials["wall_seconds"])),
                process_seconds=process_seconds,
                peak_bytes=peak_bytes,
                trainable_parameters=int(trials["trainable_parameters"][0]),
            )


def difference(shorter: Callable[[], Run], longer: Callable[[], Run]) -> tuple[float, int]:
    """Seconds that the longer run takes more than the shorter one, and peak memory.

    The first run after another program takes longer than its repetition, so one is thrown away; the order of the others
    cancels a steady drift of the machine. Measured again where a disturbance leaves nothing.
    """
    for _ in range(3):
        shorter()
        first, second, third, fourth = shorter(), longer(), longer(), shorter()
        seconds = (second.seconds + third.seconds - first.seconds - fourth.seconds) / 2
        if seconds > 0:
            return seconds, max(second.peak_bytes, third.peak_bytes)
    raise SystemExit("this machine is too busy to measure: a longer run took no more time than a shorter one")


def epoch_seconds(engine: Engine, job: Job, epochs: int) -> tuple[float, int]:
    """Seconds of one epoch in the steady state, and peak memory.

    The difference between runs of 1 and of 1 + `epochs` epochs, each with one evaluation: it holds neither start-up nor
    evaluation nor the first epoch, which warms up.
    """
    seconds, peak_bytes = difference(
        lambda: run_job(engine, job), lambda: run_job(engine, replace(job, epochs=1 + epochs))
    )
    return seconds / epochs, peak_bytes


def evaluation_seconds(engine: Engine, job: Job, passes: int) -> float:
    """Seconds of one pass over the development examples.

    The difference between 1 + `passes` steps of one example with an evaluation after each and after the last alone.
    Such steps of LayerNorm cost little, and change the lowest layer, so that nothing can be kept between passes.
    """
    once = replace(job, method="layernorm", batch_size=1, max_steps=1 + passes, evaluate_every=NEVER)
    often = replace(once, evaluate_every=1)
    seconds, _ = difference(lambda: run_job(engine, once), lambda: run_job(engine, often))
    return seconds / passes


def planned_flop(engine: Engine, job: Job) -> float:
    """Floating-point operations of the matrix products of the trial, as `tunescope plan` prints them, rounded."""
    with tempfile.TemporaryDirectory() as name:
        text, _ = call(engine, "plan", job, Path(name))
    found = re.search(r"([\d.]+) ([GTP])FLOP of matrix products", text)
    if not found:
        raise SystemExit(f"{engine.binary} plan does not print the work of the job:\n{text}")
    return float(found[1]) * PREFIXES[found[2]]


def epoch_flop(engine: Engine, job: Job) -> float:
    """Floating-point operations of one epoch: of so many that rounding and the one evaluation do not count."""
    epochs = max(1, int(0.5e15 / planned_flop(engine, job)))  # below 1 PFLOP, where more digits are printed
    return planned_flop(engine, replace(job, epochs=epochs)) / epochs
