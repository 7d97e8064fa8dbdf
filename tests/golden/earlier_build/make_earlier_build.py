"""Writes what a build leaves on disk, for the tests that later builds take it as finished work.

`results/` is a job that has ended, but for one trial that was stopped on its way; `expected/` holds that trial's file
from a run that nothing stopped. It was run once, by the build that its files name (`tunescope_version`, `git_commit`),
and is not run again: what counts is that these bytes stay readable.

    .venv/bin/python tests/golden/earlier_build/make_earlier_build.py --binary build/ci/tunescope
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
TASKS = {"CoLA": 24, "RTE": 24}
STOPPED = ["--sweep.seeds", "2", "--sweep.methods", "layernorm", "--data.tasks", "CoLA"]
AS_ROOT = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
ENVIRONMENT = os.environ | AS_ROOT | {"OMP_NUM_THREADS": "1"}


def write_inputs(binary: Path) -> None:
    """A model folder with a vocabulary, and the first rows of two tasks of the demo."""
    sys.path.insert(0, str(HERE.parents[1] / "cli"))
    from conftest import make_vocabulary, write_vocabulary

    model = HERE / "model"
    model.mkdir(exist_ok=True)
    write_vocabulary(model, make_vocabulary())
    with tempfile.TemporaryDirectory() as demo:
        subprocess.run([binary, "demo", demo], check=True)
        for task, rows in TASKS.items():
            (HERE / "glue" / task).mkdir(parents=True, exist_ok=True)
            for split, count in (("train", rows), ("dev", 8)):
                header = task != "CoLA"  # the official CoLA has none
                lines = Path(demo, task, f"{split}.tsv").read_text().splitlines(keepends=True)[: count + header]
                (HERE / "glue" / task / f"{split}.tsv").write_text("".join(lines))


def prepare(folder: Path) -> None:
    """A folder in which the job of `job.cfg` can be run: its paths are relative to it."""
    shutil.copytree(HERE / "model", folder / "model")
    for name in ("config.json", "model.safetensors"):
        shutil.copy(HERE.parent / "model" / "tiny" / name, folder / "model")
    shutil.copytree(HERE / "glue", folder / "glue")
    shutil.copy(HERE / "job.cfg", folder)


def sweep(binary: Path, folder: Path, *options: str) -> subprocess.Popen:
    return subprocess.Popen(
        ["mpirun", "-n", "1", binary, "sweep", "job.cfg", *options], cwd=folder, env=ENVIRONMENT, start_new_session=True
    )


def stop_on_its_way(binary: Path, folder: Path) -> Path:
    process = sweep(binary, folder, *STOPPED, "--run.checkpoint_seconds", "0.001")
    checkpoints = folder / "results" / "earlier" / "checkpoints"
    for _ in range(5000):
        if list(checkpoints.glob("*/previous.safetensors")):
            break
        time.sleep(0.002)
    process.send_signal(signal.SIGUSR2)
    assert process.wait(60) == 75, "the trial ended before the stop"
    return next(checkpoints.iterdir())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--binary", type=Path, required=True)
    binary = parser.parse_args().binary.resolve()
    write_inputs(binary)
    with tempfile.TemporaryDirectory() as stopped, tempfile.TemporaryDirectory() as undisturbed:
        for folder in map(Path, (stopped, undisturbed)):
            prepare(folder)
        assert sweep(binary, Path(stopped)).wait(120) == 0
        checkpoint = stop_on_its_way(binary, Path(stopped))
        assert sweep(binary, Path(undisturbed), *STOPPED).wait(120) == 0
        results = Path(stopped, "results", "earlier")
        for folder in ("results", "expected"):
            shutil.rmtree(HERE / folder, ignore_errors=True)
        kept = HERE / "results" / "earlier"
        for part in ("trials", "fisher"):
            shutil.copytree(results / part, kept / part, ignore=shutil.ignore_patterns("weights"))
        shutil.copytree(checkpoint, kept / "checkpoints" / checkpoint.name)
        trial = f"trials/{checkpoint.name}.h5"
        (HERE / "expected").mkdir()
        shutil.copy(Path(undisturbed, "results", "earlier", trial), HERE / "expected")


if __name__ == "__main__":
    main()
