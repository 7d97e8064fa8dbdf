"""Jobs of the program, and comparisons of what they leave."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .errors import CheckFailed, CheckSkipped
from .machine import has_module
from .runner import Context

STOPPED_EARLY = 75
# What may differ between two runs of one trial.
SPENT = ("examples_per_second", "tokens_per_second", "energy_joules", "peak_host_bytes", "peak_device_bytes")
OF_THE_RUN = {f"{kind}/{name}" for kind in ("trials", "fisher") for name in ("wall_seconds", "hostname", "device")}
OF_THE_RUN |= {f"trials/{name}" for name in SPENT}
OF_THE_RUN |= {"trials/rank", "fisher/reducer"}
DEFAULTS = {
    "data.tasks": "CoLA",
    "data.max_length": "48",
    "data.train_examples": "128",
    "data.dev_examples": "32",
    "sweep.methods": "full layernorm",
    "sweep.learning_rates": "1e-3",
    "sweep.peft_learning_rates": "1e-2",
    "sweep.seeds": "1",
    "train.epochs": "20",
    "train.batch_size": "8",
    "train.dropout": "0.1",
    "run.threads": "1",
    "run.lanes": "1",
    "run.progress": "none",
}


def demo_data(context: Context) -> Path:
    """Return the synthetic tasks, written on the first call."""
    folder = context.models / "glue"
    if not folder.exists():
        context.run(context.program("tunescope"), "demo", folder)
    return folder


@dataclass
class Job:
    """A job of the program in a folder of its own."""

    context: Context
    name: str
    model: Path
    keys: dict[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        return self.context.folder / self.name

    @property
    def results(self) -> Path:
        return self.folder / "results" / "check"

    def words(self, command: str) -> list[str | Path]:
        """Write the job file; return the words of the command."""
        keys = {"name": "check", "model.path": str(self.model), "data.glue": str(demo_data(self.context))}
        keys |= {"data.cache": str(self.context.models / "cache"), "run.results": str(self.folder / "results")}
        keys |= {"run.device": self.context.device} | DEFAULTS | self.keys
        lines, section = [], ""
        for key, value in sorted(keys.items(), key=lambda item: ("." in item[0], item[0])):
            of_section, _, name = key.rpartition(".")
            if of_section != section:
                section = of_section
                lines.append(f"[{section}]")
            lines.append(f"{name} = {value}")
        self.folder.mkdir(exist_ok=True)
        file = self.folder / "job.cfg"
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return [self.context.program("tunescope"), command, file]

    def run(self, command: str = "sweep") -> str:
        """Run the job to its end; return what was printed."""
        return self.context.run(*self.words(command)).output

    def stop_in_training(self) -> None:
        """Start the job, and stop it by SIGTERM as soon as it trains."""
        process = self.context.start(*self.words("sweep"))
        log = self.results / "log" / "rank-0.log"
        self.context.wait_for(lambda: log.exists() and " starts: " in log.read_text(encoding="utf-8"), process)
        process.terminate()
        finished = self.context.processes.finish(process)
        if finished.status != STOPPED_EARLY:
            last = (finished.errors.strip() or finished.output.strip()).splitlines()[-1:]
            raise CheckFailed(f"after SIGTERM the sweep ended with status {finished.status}, not 75: {' '.join(last)}")

    def files(self, kind: str = "trials") -> list[Path]:
        return sorted((self.results / kind).glob("*.h5"))


def read_file(path: Path) -> dict[str, Any]:
    """Return every dataset of a result file, text as lists and numbers as arrays."""
    if not has_module("h5py"):
        raise CheckSkipped("this Python has no h5py, which reads the results")
    import h5py

    found: dict[str, Any] = {}

    def visit(name: str, node: Any) -> None:
        if isinstance(node, h5py.Dataset) and name not in OF_THE_RUN:
            is_text = h5py.check_string_dtype(node.dtype) is not None
            found[name] = node.asstr()[:].tolist() if is_text else node[:]

    with h5py.File(path) as file:
        file.visititems(visit)
    return found


def pairs(one: Job, other: Job, kind: str = "trials") -> list[tuple[Path, Path]]:
    """Return the files of two runs of the same trials, side by side."""
    names = [[path.name for path in job.files(kind)] for job in (one, other)]
    if not names[0] or names[0] != names[1]:
        raise CheckFailed(f"{one.name} left the {kind} {names[0]}, {other.name} {names[1]}")
    return list(zip(one.files(kind), other.files(kind), strict=True))


def compare_bits(one: Job, other: Job, kind: str = "trials") -> None:
    """Fail unless two runs left the same bits."""
    for first, second in pairs(one, other, kind):
        left, right = read_file(first), read_file(second)
        for name in left.keys() | right.keys():
            same = name in left and name in right and bits(left[name]) == bits(right[name])
            if not same:
                raise CheckFailed(f"{one.name} and {other.name} differ in {name} of {first.name}")


def bits(values: Any) -> Any:
    return json.dumps(values) if isinstance(values, list) else (values.dtype.str, values.shape, values.tobytes())


def largest_difference(one: Job, other: Job, name: str) -> float:
    """Return how far a dataset of two runs of the same trials differs at most."""
    differences = []
    for first, second in pairs(one, other):
        left, right = read_file(first)[name], read_file(second)[name]
        if left.shape != right.shape:
            raise CheckFailed(f"{name} of {first.name} has {left.shape} numbers in one run, {right.shape} in the other")
        differences.append(float(abs(left - right).max()))
    return max(differences)
