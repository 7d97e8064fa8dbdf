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
import peft
import torch
import transformers
from glue_data import TASKS, read_examples
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    PreTrainedTokenizerBase,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    default_data_collator,
)

from side_by_side.random_models import write_random_model

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


def head_modules(model: torch.nn.Module) -> list[torch.nn.Module]:
    """What is above the encoder, which is new, and always trains."""
    return [module for module in model.children() if module is not model.base_model]


def with_trained(model: torch.nn.Module, method: str) -> torch.nn.Module:
    """The model with the parameters of a method training, by the rules of src/method/parameter_groups.cpp or by peft.

    peft adds LoRA to the layers that it has for a type of model; of BERT, query and value.
    """
    if method == "lora":
        lora = peft.LoraConfig(task_type=peft.TaskType.SEQ_CLS, r=8, lora_alpha=16, lora_dropout=0.0)
        return peft.get_peft_model(model, lora)
    model.requires_grad_(method == "full")
    trained = head_modules(model)
    if method == "layernorm":
        trained += [module for module in model.modules() if isinstance(module, torch.nn.LayerNorm)]
    for module in trained:
        module.requires_grad_(True)
    if method == "bitfit":
        for name, parameter in model.named_parameters():
            if name.endswith(".bias"):
                parameter.requires_grad_(True)
    return model


def load_split(options: dict, split: str, tokenizer: PreTrainedTokenizerBase) -> list[dict]:
    """The examples of a split; padded to the longest length in style 'padded', as run_glue.py does."""
    task = TASKS[options["task"]]
    file = Path(options["glue"]) / options["task"] / f"{split}.tsv"
    examples = []
    for example in read_examples(file, task, tokenizer, MAX_LENGTH):
        length = len(example.input_ids)
        padding = MAX_LENGTH - length if options["style"] == "padded" else 0
        features = {
            "input_ids": example.input_ids + [tokenizer.pad_token_id] * padding,
            "attention_mask": [1] * length + [0] * padding,
            "labels": example.label,
        }
        if example.type_ids is not None:
            features["token_type_ids"] = example.type_ids + [0] * padding
        examples.append(features)
    return examples


def load_tokenizer(folder: str) -> PreTrainedTokenizerBase:
    """The model's tokenizer. GPT-2 has no token for padding, so its users take the end of a text."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    return tokenizer


def load_model(options: dict) -> torch.nn.Module:
    """The encoder with float32 parameters under a new head, with SDPA where it has that, and its own dropout."""
    model = AutoModelForSequenceClassification.from_pretrained(
        options["model"],
        num_labels=len(TASKS[options["task"]].classes),
        dtype=torch.float32,
    )
    return with_trained(model, options["method"])


def make_trainer(options: dict) -> Trainer:
    """A Trainer in the style asked for."""
    tokenizer = load_tokenizer(options["model"])
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
            "peft": peft.__version__,
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


def serve(options: dict, replies: TextIO) -> None:
    """Answer commands until the input ends."""
    torch.set_num_threads(options["threads"])
    commands = {"gemm": gemm_rate, "write_random_model": write_random_model}
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
