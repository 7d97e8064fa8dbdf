"""Compares two builds of tunescope: the same small job by each, in turn, several times.

Prints the ratio of their times with its 95 % interval (bootstrap over pairs of neighbouring runs). Below 1 the new
build is faster. An interval that holds 1 shows no difference. Exit status 0, however they compare.
"""

import argparse
import os
import random
import statistics
import tempfile
from pathlib import Path

from glue_data import TASKS, write_sample

from side_by_side.engine import Engine, Job, Run, run_job

ROOT = Path(__file__).resolve().parent.parent.parent
RESAMPLES = 4000


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    glue = ROOT / "data" / "glue"
    parser = argparse.ArgumentParser(
        prog="benchmarks/compare", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("old", type=Path, help="a tunescope binary")
    add("new", type=Path, help="another")
    add("--model", type=Path, default=ROOT / "models" / "minilm-l6")
    add("--glue", type=Path, default=glue if glue.is_dir() else ROOT / "data" / "demo", help="GLUE folder")
    add("--task", choices=TASKS, default="RTE")
    add("--methods", nargs="+", default=("full", "layernorm"))
    add("--examples", type=int, default=96, help="to train on; half as many to evaluate (default: 96)")
    add("--batch_size", type=int, default=16)
    add("--pairs", type=int, default=7, help="runs of each build and method (default: 7)")
    add("--threads", type=int, default=len(os.sched_getaffinity(0)))
    arguments = parser.parse_args()
    for binary in (arguments.old, arguments.new):
        if not os.access(binary, os.X_OK):
            parser.error(f"{binary} is not a program")
    if min(arguments.pairs, arguments.threads, arguments.batch_size, arguments.examples - 1) < 1:
        parser.error("--pairs, --threads and --batch_size must be at least 1, --examples at least 2")
    return arguments


def interval(ratios: list[float]) -> tuple[float, float]:
    """95 % interval of the median, from resampled medians."""
    source = random.Random(1)
    medians = sorted(statistics.median(source.choices(ratios, k=len(ratios))) for _ in range(RESAMPLES))
    return medians[int(0.025 * RESAMPLES)], medians[int(0.975 * RESAMPLES)]


def run_pairs(engines: tuple[Engine, Engine], job: Job, count: int) -> list[tuple[Run, Run]]:
    """Pairs of runs, old and new; the order changes from pair to pair: A B, B A, A B ... A first pair warms up."""
    pairs = []
    for number in range(count + 1):
        if number % 2 == 0:
            old, new = run_job(engines[0], job), run_job(engines[1], job)
        else:
            new, old = run_job(engines[1], job), run_job(engines[0], job)
        pairs.append((old, new))
    return pairs[1:]


def line(name: str, seconds: list[tuple[float, float]]) -> str:
    """A line of the table."""
    old, new = (statistics.median(side) for side in zip(*seconds, strict=True))
    ratios = [pair[1] / pair[0] for pair in seconds]
    low, high = interval(ratios)
    return f"{name:<28}{old:>9.3f}{new:>9.3f}{statistics.median(ratios):>10.3f}   {low:.3f} to {high:.3f}"


def main() -> None:
    arguments = parse_arguments()
    engines = tuple(Engine(binary.resolve(), arguments.threads) for binary in (arguments.old, arguments.new))
    counts = {"train": arguments.examples, "dev": arguments.examples // 2}
    print(f"{arguments.task}, {arguments.examples} examples, {arguments.threads} threads, {arguments.pairs} pairs")
    print(f"{'':<28}{'old s':>9}{'new s':>9}{'new/old':>10}   95 % interval")
    with tempfile.TemporaryDirectory() as name:
        glue = Path(name) / "glue"
        write_sample(arguments.glue, glue, arguments.task, counts)
        for method in arguments.methods:
            job = Job(arguments.model.resolve(), glue, arguments.task, method, arguments.batch_size)
            pairs = run_pairs(engines, job, arguments.pairs)
            print(line(method, [(old.seconds, new.seconds) for old, new in pairs]))
            print(line(f"{method}, whole process", [(old.process_seconds, new.process_seconds) for old, new in pairs]))


if __name__ == "__main__":
    main()
