"""Does training here end where training with transformers ends? Many seeds of both, with dropout, and their curves.

Each seed has the same initial head and the same order of examples on both sides; masks are drawn anew. Tasks: word
overlap of QNLI's pairs as a regression task, and SST-2, both stopped when learning has just begun. Runs that the output
folder has already are not repeated. benchmarks/parity --masks engine takes the engine's masks on both sides: then every
step must agree to rounding. benchmarks/parity has installed what this needs.
"""

import argparse
import json
import os
import statistics
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import h5py
import matplotlib
import numpy as np
import scipy.stats
from training_parity.tasks import CASES, Case, write_tasks

matplotlib.use("agg")
import matplotlib.pyplot as plt  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
SMOOTHED_STEPS = 10
LAST_STEPS = 20


@dataclass(frozen=True)
class Run:
    """One seed on one side."""

    losses: np.ndarray  # [steps]
    logits: np.ndarray  # [dev examples, outputs]

    def score(self, labels: np.ndarray) -> float:
        """Spearman's correlation, or accuracy."""
        if self.logits.shape[1] == 1:
            return float(scipy.stats.spearmanr(self.logits[:, 0], labels).statistic)
        return float((self.logits.argmax(axis=1) == labels).mean())

    @property
    def last_loss(self) -> float:
        return float(self.losses[-LAST_STEPS:].mean())


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="benchmarks/parity", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--glue", type=Path, default=ROOT / "data" / "glue", help="folder with the official QNLI and SST-2")
    add("--model", type=Path, default=ROOT / "models" / "minilm-l6")
    add("--cases", nargs="+", choices=CASES, default=list(CASES))
    add("--seeds", type=int, default=16, help="seeds a side (default: 16)")
    add("--masks", choices=("torch", "engine"), default="torch", help="dropout masks of transformers' side")
    add("--binary", type=Path, default=ROOT / "build" / "release" / "tunescope")
    add("--output", type=Path, default=ROOT / "results" / "parity", help="folder for runs, parity.md and figures")
    add("--peers_python", type=Path, required=True, help=argparse.SUPPRESS)
    return parser.parse_args()


def job_text(name: str, case: Case, arguments: argparse.Namespace) -> str:
    return f"""name = {name}
[model]
path = {arguments.model.resolve()}
[data]
glue = {arguments.output.resolve() / "glue"}
cache = {arguments.output.resolve() / "cache"}
tasks = {case.task}
[sweep]
methods = {case.method}
learning_rates = {case.learning_rate}
peft_learning_rates = {case.learning_rate}
seeds = {" ".join(str(seed + 1) for seed in range(arguments.seeds))}
[train]
max_steps = {case.steps}
batch_size = {case.batch_size}
evaluate_every = {case.steps}
{"" if case.has_dropout else "dropout = 0"}
[run]
results = {arguments.output.resolve() / "engine"}
device = cpu
threads = 1
"""


def train_here(name: str, case: Case, arguments: argparse.Namespace) -> tuple[dict[int, Run], np.ndarray]:
    """This program's runs by seed, and the labels of the development set."""
    job = arguments.output / f"{name}.cfg"
    job.write_text(job_text(name, case, arguments), encoding="utf-8")
    ranks = len(os.sched_getaffinity(0))
    launcher = ["mpirun", "-n", str(ranks), "--oversubscribe", "--bind-to", "none"]
    subprocess.run([*launcher, arguments.binary, "sweep", job], check=True)
    runs = {}
    with h5py.File(arguments.output / "engine" / name / f"{name}.h5") as file:
        trial_of_row = file["history/trial"][:]
        losses = file["history/loss"][:]
        for index, (seed, identifier) in enumerate(zip(file["trials/seed"], file["trials/id"].asstr(), strict=True)):
            predictions = file["predictions"][identifier]
            runs[int(seed)] = Run(losses[trial_of_row == index], predictions["logits"][:])
            labels = predictions["label"][:]
    return runs, labels


def train_with_transformers(name: str, arguments: argparse.Namespace) -> dict[int, Run]:
    """The runs of transformers by seed, shared out over one process for each core."""
    workers = len(os.sched_getaffinity(0))
    seeds = [str(seed + 1) for seed in range(arguments.seeds)]
    outputs = [arguments.output / f"{name}-{arguments.masks}-{worker}.jsonl" for worker in range(workers)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    script = Path(__file__).parent / "transformers_run.py"
    processes = [
        subprocess.Popen(
            [arguments.peers_python, script, name, "--model", arguments.model, "--glue", arguments.output / "glue"]
            + ["--masks", arguments.masks, "--output", output, "--seeds", *seeds[worker::workers]],
            env=environment,
        )
        for worker, output in enumerate(outputs)
        if seeds[worker::workers]
    ]
    if any([process.wait() != 0 for process in processes]):
        raise SystemExit("a run with transformers failed: see above")
    runs = {}
    for output in outputs:
        for line in output.read_text(encoding="utf-8").splitlines() if output.is_file() else ():
            run = json.loads(line)
            runs[run["seed"]] = Run(np.array(run["loss"]), np.array(run["logits"]))
    return runs


def mean_and_error(values: Iterable[float]) -> str:
    values = list(values)
    return f"{statistics.mean(values):.3f} ± {statistics.stdev(values) / len(values) ** 0.5:.3f}"


def row(name: str, here: dict[int, Run], there: dict[int, Run], labels: np.ndarray) -> str:
    """A line of the table: scores and last losses of both sides, and the paired difference of scores."""
    seeds = sorted(here.keys() & there.keys())
    ours, theirs = ([runs[seed].score(labels) for seed in seeds] for runs in (here, there))
    differences = [a - b for a, b in zip(ours, theirs, strict=True)]
    worst = max(float(np.abs(here[s].losses / there[s].losses - 1).max()) for s in seeds)
    cells = [
        name,
        str(len(seeds)),
        mean_and_error(ours),
        mean_and_error(theirs),
        mean_and_error(differences),
        f"{statistics.stdev(ours):.3f}, {statistics.stdev(theirs):.3f}",
        mean_and_error(here[seed].last_loss for seed in seeds),
        mean_and_error(there[seed].last_loss for seed in seeds),
        f"{worst:.1e}",
    ]
    return "| " + " | ".join(cells) + " |"


COLUMNS = (
    "case",
    "seeds",
    "score here",
    "transformers",
    "difference",
    "spread of seeds",
    f"loss of the last {LAST_STEPS} steps here",
    "transformers",
    "largest relative difference of a step's loss",
)
HEADER = f"| {' | '.join(COLUMNS)} |\n|{' --- |' * len(COLUMNS)}\n"


def smooth(losses: np.ndarray) -> np.ndarray:
    """Means over a few steps, along the last axis."""
    kernel = np.ones(SMOOTHED_STEPS) / SMOOTHED_STEPS
    return np.stack([np.convolve(line, kernel, mode="valid") for line in losses])


def draw(name: str, sides: dict[str, dict[int, Run]], file: Path) -> None:
    """Every seed's curve of losses, thin, and the mean of each side with its standard error."""
    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    for (label, runs), colour in zip(sides.items(), ("tab:blue", "tab:orange"), strict=True):
        curves = smooth(np.stack([runs[seed].losses for seed in sorted(runs)]))
        steps = np.arange(curves.shape[1]) + SMOOTHED_STEPS
        axes.plot(steps, curves.T, color=colour, linewidth=0.4, alpha=0.5)
        mean, error = curves.mean(axis=0), curves.std(axis=0, ddof=1) / len(curves) ** 0.5
        axes.fill_between(steps, mean - error, mean + error, color=colour, alpha=0.3, linewidth=0)
        axes.plot(steps, mean, color=colour, linewidth=2, label=f"{label}, {len(curves)} seeds")
    axes.set(xlabel="step", ylabel=f"training loss, mean of {SMOOTHED_STEPS} steps", title=name)
    axes.legend()
    figure.savefig(file, dpi=150)
    plt.close(figure)


def main() -> None:
    arguments = parse_arguments()
    if arguments.seeds < 2:
        raise SystemExit("--seeds must be at least 2: the spread of seeds is what differences are measured by")
    arguments.output.mkdir(parents=True, exist_ok=True)
    write_tasks(arguments.glue, arguments.output / "glue")
    text = HEADER
    for name in arguments.cases:
        here, labels = train_here(name, CASES[name], arguments)
        there = train_with_transformers(name, arguments)
        text += row(name, here, there, labels) + "\n"
        (arguments.output / "parity.md").write_text(text, encoding="utf-8")
        draw(name, {"Tunescope": here, "transformers": there}, arguments.output / f"{name}.png")
    print(text)


if __name__ == "__main__":
    main()
