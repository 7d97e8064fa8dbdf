"""Times Tunescope beside transformers' Trainer on this machine, and prints the tables of docs/speed.md.

Training and evaluation of the same examples, with the same threads, batch size and precision, all sides in turn.
Needs no network: benchmarks/run has installed the peers.
"""

import argparse
import datetime
import json
import os
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

from side_by_side.engine import Engine
from side_by_side.measure import Cell, Model, Settings, log, measure_cell
from side_by_side.peer_process import PeerError, PeerProcess
from side_by_side.report import markdown

ROOT = Path(__file__).resolve().parent.parent.parent
MINILM = ROOT / "models" / "minilm-l6"
RANDOM_MODELS = ("bert-base", "distilbert-base", "electra-base", "roberta-base", "gpt2", "deberta-v3-base")


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    glue = ROOT / "data" / "glue"
    parser = argparse.ArgumentParser(
        prog="benchmarks/run", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--quick", action="store_true", help="shows that everything works; its figures say little")
    models = (MINILM.name, *RANDOM_MODELS)
    add("--models", nargs="+", choices=models, default=models[:2], help="(default: the first two)")
    add("--tasks", nargs="+", choices=("CoLA", "RTE"), default=("CoLA", "RTE"))
    methods = ("full", "layernorm", "bitfit", "lora")
    add("--methods", nargs="+", choices=methods, default=methods[:3], help="lora: against peft (default: the others)")
    add("--lanes", type=int, default=1, help="time so many trials in one pass too (default: 1, none)")
    add("--repeats", type=int, default=3, help="rounds (default: 3)")
    add("--threads", type=int, default=len(os.sched_getaffinity(0)), help="of each side (default: all cores)")
    add("--batch_size", type=int, default=16)
    add("--precision", choices=("float32", "bfloat16"), default="float32", help="of matrix products (peers: autocast)")
    add("--glue", type=Path, default=glue if glue.is_dir() else ROOT / "data" / "demo", help="GLUE folder")
    add("--binary", type=Path, default=ROOT / "build" / "release" / "tunescope", help="another build of tunescope")
    add("--no_padded", action="store_true", help="leave out the peer that pads every example to 128 tokens")
    add("--no_compile", action="store_true", help="leave out torch.compile, which takes long to start")
    add(
        "--output", type=Path, default=ROOT / "results" / "benchmark", help="folder for benchmark.md and benchmark.json"
    )
    add("--peers_python", type=Path, required=True, help=argparse.SUPPRESS)
    return parser.parse_args()


def cpu_name() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return "unknown CPU"


def describe(arguments: argparse.Namespace) -> dict:
    """Machine, date, versions and settings, without measurements."""
    version = subprocess.run([arguments.binary, "--version"], check=True, capture_output=True, text=True).stdout
    settings = ("threads", "batch_size", "precision", "repeats", "quick", "lanes")
    return {
        "date": datetime.date.today().isoformat(),
        "machine": {"cpu": cpu_name(), "cores": os.cpu_count()},
        "tunescope": version.splitlines()[0].removeprefix("tunescope").strip(),
        "settings": {name: getattr(arguments, name) for name in settings},
        "cells": [],
    }


def make_models(arguments: argparse.Namespace, folder: Path) -> dict[str, Model]:
    """The models asked for; those of base shape are written with random weights, which will do for time."""
    drawn = [name for name in arguments.models if name in RANDOM_MODELS]
    if drawn:
        with PeerProcess(arguments.peers_python, {"threads": arguments.threads}) as peer:
            for name in drawn:
                peer.ask("write_random_model", name, str(folder / name), str(MINILM), str(arguments.glue.resolve()))
    size = {"steps": 2, "dev_examples": 8 if arguments.quick else 32}
    models = {name: Model(folder / name, **size) for name in drawn}
    if MINILM.name in arguments.models:
        models[MINILM.name] = Model(MINILM, **(size if arguments.quick else {"steps": 6, "dev_examples": 64}))
    return models


def save(result: dict, folder: Path) -> None:
    """Both files, after every cell: what is measured is kept if the run is cut off."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "benchmark.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    (folder / "benchmark.md").write_text(markdown(result) + "\n", encoding="utf-8")


def run(arguments: argparse.Namespace, models: dict[str, Model]) -> dict:
    """Every combination of model, task and method."""
    settings = Settings(
        engine=Engine(arguments.binary, arguments.threads),
        peers_python=arguments.peers_python,
        glue=arguments.glue.resolve(),
        batch_size=arguments.batch_size,
        precision=arguments.precision,
        repeats=arguments.repeats,
        seconds=0.3 if arguments.quick else 3.0,
        peers=("best",) if arguments.no_padded else ("padded", "best"),
        with_compiled=not arguments.no_compile,
        lanes=arguments.lanes,
    )
    evaluated = next((method for method in arguments.methods if method != "lora"), None)
    cells = [
        Cell(name, model, task, method, with_evaluation=method == evaluated)
        for name, model in models.items()
        for task in arguments.tasks
        for method in arguments.methods
    ]
    result = describe(arguments)
    for number, cell in enumerate(cells, start=1):
        log(f"[{number}/{len(cells)}] {cell.name} {cell.task} {cell.method}")
        record = measure_cell(settings, cell)
        if record["compiling"] and "error" in record["compiling"]:
            log("torch.compile failed and is not tried again")
            settings = replace(settings, with_compiled=False)
        result["cells"].append(record)
        save(result, arguments.output)
    return result


def main() -> None:
    arguments = parse_arguments()
    arguments.binary = arguments.binary.resolve()
    if min(arguments.repeats, arguments.threads, arguments.batch_size, arguments.lanes) < 1:
        raise SystemExit("--repeats, --threads, --batch_size and --lanes must be at least 1")
    try:
        with tempfile.TemporaryDirectory() as folder:
            result = run(arguments, make_models(arguments, Path(folder)))
    except PeerError as error:
        raise SystemExit(f"a peer failed:\n{error}") from None
    print(markdown(result))
    log(f"written to {arguments.output}")


if __name__ == "__main__":
    main()
