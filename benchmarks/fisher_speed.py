"""Time the diagonal Fisher information against the usual loop: transformers, one example a backward pass.

All sides see the first --examples training examples of the task, with the same threads, in turn, --repeats times;
ratios are of the medians. The engine's own forward and backward pass over the same examples stands beside them. Needs
torch and transformers in this Python, and engine_benchmark (configure with -DTUNESCOPE_BENCHMARKS=ON).

--nngeometry adds nngeometry's exact diagonal (Tanabe and Sagae's square root, a backward pass per class but one). Its
release 0.4 fails on the tokens of a sequence; the development version computes all of a BERT:
pip install git+https://github.com/tfjgeorge/nngeometry@c04b984

    python fisher_speed.py --engine build/release/benchmarks/engine_benchmark --model MODEL --data GLUE --task RTE
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from glue_data import TASKS, Example, read_examples
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader
from transformers import BertForSequenceClassification, BertTokenizerFast

ENGINE_PASSES = (
    "forward_backward/full",
    "fisher/full",
    "fisher/layernorm",
    "fisher_true/full",
    "fisher_hutchinson/full",
)
NNGEOMETRY_BATCHES = (1, 8)


def first_rows(source: Path, target: Path, task: str, count: int) -> None:
    """A GLUE folder with the first rows of one task."""
    has_header = isinstance(TASKS[task].label, str)
    (target / task).mkdir(parents=True)
    lines = (source / task / "train.tsv").read_text(encoding="utf-8").splitlines(keepends=True)
    text = "".join(lines[: count + has_header])
    for split in ("train", "dev"):
        (target / task / f"{split}.tsv").write_text(text, encoding="utf-8")


def time_engine(arguments: argparse.Namespace, data: Path) -> dict[str, float]:
    """Seconds of each pass over all examples."""
    command = [
        arguments.engine,
        f"--model={arguments.model}",
        f"--glue={data}",
        f"--cache={data / 'cache'}",
        f"--task={arguments.task}",
        "--examples=0",
        f"--threads={arguments.threads}",
        f"--benchmark_filter=^({'|'.join(ENGINE_PASSES)})/",
        "--benchmark_format=json",
        "--benchmark_min_time=1",
    ]
    environment = os.environ | {"OMP_NUM_THREADS": str(arguments.threads)}
    output = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    return {run["name"].removesuffix("/real_time"): run["real_time"] / 1000 for run in json.loads(output)["benchmarks"]}


def tokenize(arguments: argparse.Namespace, data: Path) -> list[Example]:
    tokenizer = BertTokenizerFast(str(arguments.model / "vocab.txt"), do_lower_case=True)
    return read_examples(data / arguments.task / "train.tsv", TASKS[arguments.task], tokenizer, 128)


def time_loop(arguments: argparse.Namespace, examples: list[Example]) -> float:
    """Seconds of the batch-1 loop over all examples."""
    model = BertForSequenceClassification.from_pretrained(arguments.model).eval()
    sums = [torch.zeros_like(parameter) for parameter in model.parameters()]
    begin = time.perf_counter()
    for example in examples:
        model.zero_grad(set_to_none=True)
        output = model(
            input_ids=torch.tensor([example.input_ids]),
            token_type_ids=torch.tensor([example.type_ids]),
            labels=torch.tensor([example.label]),
        )
        output.loss.backward()
        for total, parameter in zip(sums, model.parameters(), strict=True):
            total.addcmul_(parameter.grad, parameter.grad)
    return time.perf_counter() - begin


def pad(examples: list[Example]) -> tuple[torch.Tensor, ...]:
    """Token ids, types, positions and attention mask, [B, longest] each."""
    ids = [torch.tensor(example.input_ids) for example in examples]
    types = [torch.tensor(example.type_ids) for example in examples]
    mask = pad_sequence([torch.ones_like(one) for one in ids], batch_first=True)
    positions = torch.arange(mask.shape[1]).expand_as(mask)  # for each example, or its rows' gradients would be summed
    return pad_sequence(ids, batch_first=True), pad_sequence(types, batch_first=True), positions, mask


def time_nngeometry(arguments: argparse.Namespace, examples: list[Example], batch_size: int) -> float:
    """Seconds of nngeometry's exact diagonal over all examples."""
    from nngeometry.layercollection import LayerCollection
    from nngeometry.metrics import FIM
    from nngeometry.object import PMatDiag

    model = BertForSequenceClassification.from_pretrained(arguments.model).eval()

    def logits(ids: torch.Tensor, types: torch.Tensor, positions: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return model(input_ids=ids, token_type_ids=types, position_ids=positions, attention_mask=mask).logits

    layers = LayerCollection.from_model(model)
    loader = DataLoader(examples, batch_size=batch_size, collate_fn=pad)
    begin = time.perf_counter()
    FIM(model, loader, PMatDiag, function=logits, layer_collection=layers)
    return time.perf_counter() - begin


def time_peers(arguments: argparse.Namespace, data: Path) -> dict[str, float]:
    examples = tokenize(arguments, data)
    seconds = {"transformers, batch 1": time_loop(arguments, examples)}
    for batch_size in NNGEOMETRY_BATCHES if arguments.nngeometry else ():
        seconds[f"nngeometry, batch {batch_size}"] = time_nngeometry(arguments, examples, batch_size)
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--task", choices=TASKS, default="RTE")
    parser.add_argument("--examples", type=int, default=128)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--nngeometry", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    seconds: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        first_rows(arguments.data, data, arguments.task, arguments.examples)
        for _ in range(arguments.repeats):
            timed = time_engine(arguments, data) | time_peers(arguments, data)
            for name, value in timed.items():
                seconds.setdefault(name, []).append(value)
    own_pass = statistics.median(seconds["forward_backward/full"])
    loop = statistics.median(seconds["transformers, batch 1"])
    print(f"{arguments.task}, {arguments.examples} examples, {arguments.threads} threads")
    print(f"{'pass':<24}{'ms an example':>14}{'spread':>9}{'of own pass':>13}{'loop / this':>13}")
    for name, values in seconds.items():
        median = statistics.median(values)
        spread = (max(values) - min(values)) / median
        milliseconds = median / arguments.examples * 1000
        print(f"{name:<24}{milliseconds:>14.1f}{spread:>9.0%}{median / own_pass:>13.2f}{loop / median:>13.2f}")


if __name__ == "__main__":
    sys.exit(main())
