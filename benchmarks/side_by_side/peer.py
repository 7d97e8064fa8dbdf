"""A process that trains and evaluates with transformers' Trainer, a command at a time.

    python -m side_by_side.peer '{"model": ..., "style": "padded", ...}'

Runs in the peers' environment. Each line of standard input is a command, a list of a name and its arguments; each is
answered by a line of JSON. The model, the data and the optimizer stay, so that every round is a warm one.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import TextIO

import accelerate
import torch
import transformers
from glue_data import TASKS, read_examples
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    default_data_collator,
)

MAX_LENGTH = 128
# What each style adds to Trainer's defaults.
STYLES = {
    "padded": {},
    "best": {"optim": "adamw_torch_fused", "train_sampling_strategy": "group_by_length"},
    "compiled": {
        "optim": "adamw_torch_fused",
        "train_sampling_strategy": "group_by_length",
        "torch_compile": True,
    },
}


class EpochClock(TrainerCallback):
    """The time from the start of the first to the end of the last epoch."""

    def __init__(self) -> None:
        self.begin = self.end = 0.0

    def on_train_begin(self, *_: object, **__: object) -> None:
        self.begin = 0.0

    def on_epoch_begin(self, *_: object, **__: object) -> None:
        self.begin = self.begin or time.perf_counter()

    def on_epoch_end(self, *_: object, **__: object) -> None:
        self.end = time.perf_counter()


def is_trained(name: str, method: str) -> bool:
    """The rule of src/method/parameter_groups.cpp: the head always trains."""
    return (
        method == "full"
        or name.startswith("classifier.")
        or (method == "layernorm" and "LayerNorm" in name)
        or (method == "bitfit" and name.endswith(".bias"))
    )


def load_split(options: dict, split: str, tokenizer: object) -> list[dict]:
    """The examples of a split; padded to the longest length in style 'padded', as run_glue.py does."""
    task = TASKS[options["task"]]
    file = Path(options["glue"]) / options["task"] / f"{split}.tsv"
    examples = []
    for example in read_examples(file, task, tokenizer, MAX_LENGTH):
        length = len(example.input_ids)
        padding = [0] * (MAX_LENGTH - length if options["style"] == "padded" else 0)
        examples.append(
            {
                "input_ids": example.input_ids + padding,
                "token_type_ids": example.type_ids + padding,
                "attention_mask": [1] * length + padding,
                "labels": example.label,
            }
        )
    return examples


def load_model(options: dict) -> torch.nn.Module:
    """The encoder with float32 parameters under a new head, with dropout as in its configuration."""
    model = AutoModelForSequenceClassification.from_pretrained(
        options["model"],
        num_labels=len(TASKS[options["task"]].classes),
        dtype=torch.float32,
        attn_implementation="sdpa",
    )
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(is_trained(name, options["method"]))
    return model


def make_trainer(options: dict) -> Trainer:
    """A Trainer in the style asked for."""
    tokenizer = AutoTokenizer.from_pretrained(options["model"])
    is_padded = options["style"] == "padded"
    settings = TrainingArguments(
        output_dir=options["folder"],
        per_device_train_batch_size=options["batch_size"],
        per_device_eval_batch_size=options["batch_size"] if is_padded else 4 * options["batch_size"],
        learning_rate=1e-5,
        weight_decay=0.01,
        seed=1,
        use_cpu=True,
        bf16=options["precision"] == "bfloat16",
        save_strategy="no",
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
        **STYLES[options["style"]],
    )
    return Trainer(
        model=load_model(options),
        args=settings,
        train_dataset=load_split(options, "train", tokenizer),
        eval_dataset=load_split(options, "dev", tokenizer),
        data_collator=default_data_collator if is_padded else DataCollatorWithPadding(tokenizer),
    )


def peak_bytes() -> int:
    """The largest resident memory that this process had."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("/proc/self/status has no VmHWM")


class Peer:
    """The commands; each returns what is answered."""

    def __init__(self, options: dict) -> None:
        self.trainer = make_trainer(options)
        self.clock = EpochClock()
        self.trainer.add_callback(self.clock)

    def describe(self) -> dict:
        """Versions and sizes."""
        parameters = list(self.trainer.model.parameters())
        return {
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            "accelerate": accelerate.__version__,
            "optimizer": self.trainer.args.optim.value,
            "attention": self.trainer.model.config._attn_implementation,
            "trainable_parameters": sum(p.numel() for p in parameters if p.requires_grad),
        }

    def warm_up(self) -> float:
        """Seconds of a first step, which allocates what later steps have."""
        self.trainer.args.max_steps = 1
        self.trainer.train()
        self.trainer.args.max_steps = -1
        return self.clock.end - self.clock.begin

    def train(self, epochs: int) -> float:
        """Seconds of one epoch, the mean of so many."""
        self.trainer.args.num_train_epochs = epochs
        self.trainer.train()
        return (self.clock.end - self.clock.begin) / epochs

    def evaluate(self, passes: int) -> float:
        """Seconds of one pass over the development examples, the mean of so many."""
        begin = time.perf_counter()
        for _ in range(passes):
            self.trainer.evaluate()
        return (time.perf_counter() - begin) / passes

    def memory(self) -> int:
        return peak_bytes()


def gemm_rate(seconds: float) -> float:
    """FLOP a second of a large float32 matrix product, the median of as many as fit into the time."""
    a, b = torch.randn(2048, 1536), torch.randn(1536, 1536)
    out = torch.mm(a, b)
    times: list[float] = []
    while sum(times) < seconds:
        begin = time.perf_counter()
        torch.mm(a, b, out=out)
        times.append(time.perf_counter() - begin)
    return 2 * 2048 * 1536 * 1536 / sorted(times)[len(times) // 2]


def write_random_bert(folder: str, vocabulary: str) -> None:
    """BERT-base with random weights, and the vocabulary of another model of as many tokens."""
    transformers.BertModel(transformers.BertConfig()).save_pretrained(folder)
    for name in ("vocab.txt", "tokenizer.json", "tokenizer_config.json"):
        (Path(folder) / name).write_bytes((Path(vocabulary) / name).read_bytes())


def serve(options: dict, replies: TextIO) -> None:
    """Answer commands until the input ends."""
    torch.set_num_threads(options["threads"])
    commands = {"gemm": gemm_rate, "write_random_bert": write_random_bert}
    if "style" in options:
        peer = Peer(options)
        for command in (peer.describe, peer.warm_up, peer.train, peer.evaluate, peer.memory):
            commands[command.__name__] = command
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        print(json.dumps(commands[name](*arguments)), file=replies, flush=True)


def main() -> None:
    """Keep standard output for the answers: the libraries print to it too."""
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    serve(json.loads(sys.argv[1]), replies)


if __name__ == "__main__":
    main()
