"""Fine-tune BERT on a GLUE task with Hugging Face transformers and torch, to compare end scores.

The usual loop, with this project's defaults: dropout as in the model's configuration, dynamic padding,
AdamW with decoupled weight decay, linear warm-up and decay, gradient clipping, evaluation on dev after
each epoch. One line of JSON a run is appended to --output. The model folder holds config.json,
model.safetensors and vocab.txt; the data folder has GLUE's official layout.

    python parity_transformers.py --model MODEL --data GLUE --task CoLA --method layernorm \\
        --learning_rate 1e-3 --seed 1 --output parity.jsonl
"""

import argparse
import json
import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import transformers
from glue_data import TASKS, Example, read_examples
from sklearn.metrics import accuracy_score, matthews_corrcoef
from torch import Tensor
from transformers import BertForSequenceClassification, BertTokenizerFast, get_linear_schedule_with_warmup

WARMUP_FRACTION = 0.1
WEIGHT_DECAY = 0.01
CLIP_NORM = 1.0


@dataclass(frozen=True)
class Data:
    """The tokenised splits of one task."""

    train: list[Example]
    dev: list[Example]


def load_data(arguments: argparse.Namespace) -> Data:
    """Both splits of the task, tokenised with the model's vocabulary."""
    tokenizer = BertTokenizerFast(str(arguments.model / "vocab.txt"), do_lower_case=True)
    folder, task = arguments.data / arguments.task, TASKS[arguments.task]
    splits = {
        split: read_examples(folder / f"{split}.tsv", task, tokenizer, arguments.max_length)
        for split in ("train", "dev")
    }
    return Data(**splits)


def make_batch(examples: list[Example]) -> dict[str, Tensor]:
    """Padded to the longest of these examples."""

    def pad(rows: list[list[int]]) -> Tensor:
        return torch.nn.utils.rnn.pad_sequence([torch.tensor(row) for row in rows], batch_first=True)

    return {
        "input_ids": pad([e.input_ids for e in examples]),
        "token_type_ids": pad([e.type_ids for e in examples]),
        "attention_mask": pad([[1] * len(e.input_ids) for e in examples]),
        "labels": torch.tensor([e.label for e in examples]),
    }


def load_model(arguments: argparse.Namespace) -> BertForSequenceClassification:
    """The pre-trained encoder under a new head; only what the method trains requires gradients."""
    labels = len(TASKS[arguments.task].classes)
    model = BertForSequenceClassification.from_pretrained(arguments.model, num_labels=labels)
    torch.nn.init.normal_(model.classifier.weight, std=0.02)
    torch.nn.init.zeros_(model.classifier.bias)
    for name, parameter in model.named_parameters():
        is_small = "LayerNorm" in name or name.startswith("classifier.")
        parameter.requires_grad_(arguments.method == "full" or is_small)
    return model


def make_optimizer(model: BertForSequenceClassification, learning_rate: float) -> torch.optim.AdamW:
    """AdamW over what is trainable; biases and LayerNorm parameters do not decay."""
    groups: list[dict] = [
        {"params": [], "weight_decay": WEIGHT_DECAY},
        {"params": [], "weight_decay": 0.0},
    ]
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            is_exempt = name.endswith("bias") or "LayerNorm" in name
            groups[is_exempt]["params"].append(parameter)
    try:
        return torch.optim.AdamW(groups, lr=learning_rate, fused=True)
    except RuntimeError:  # this device has no fused kernel
        return torch.optim.AdamW(groups, lr=learning_rate)


def evaluate(model: BertForSequenceClassification, examples: list[Example], metric: str) -> float:
    """The metric over these examples, which are batched by length to save padding."""
    model.eval()
    ordered = sorted(examples, key=lambda example: len(example.input_ids))
    predictions = []
    with torch.inference_mode():
        for start in range(0, len(ordered), 64):
            logits = model(**make_batch(ordered[start : start + 64])).logits  # [B, classes]
            predictions += logits.argmax(dim=-1).tolist()
    labels = [example.label for example in ordered]
    score = matthews_corrcoef if metric == "matthews" else accuracy_score
    return float(score(labels, predictions))


def train(arguments: argparse.Namespace, data: Data) -> dict[str, object]:
    """Train and evaluate; the scores and mean training losses by epoch."""
    model = load_model(arguments)
    optimizer = make_optimizer(model, arguments.learning_rate)
    steps = math.ceil(len(data.train) / arguments.batch_size) * arguments.epochs
    warmup_steps = math.ceil(WARMUP_FRACTION * steps)
    schedule = get_linear_schedule_with_warmup(optimizer, warmup_steps, steps)
    trained = [p for p in model.parameters() if p.requires_grad]
    order = np.random.default_rng(arguments.seed)
    scores, losses = [], []
    for _ in range(arguments.epochs):
        model.train()
        epoch_losses = []
        shuffled = [data.train[i] for i in order.permutation(len(data.train))]
        for start in range(0, len(shuffled), arguments.batch_size):
            loss = model(**make_batch(shuffled[start : start + arguments.batch_size])).loss
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(trained, CLIP_NORM)
            optimizer.step()
            schedule.step()
            epoch_losses.append(loss.item())
        losses.append(float(np.mean(epoch_losses)))
        scores.append(evaluate(model, data.dev, TASKS[arguments.task].metric))
    counts = {"steps": steps, "warmup_steps": warmup_steps}
    counts["trainable_parameters"] = sum(p.numel() for p in trained)
    return counts | {"scores": scores, "training_losses": losses}


def run(arguments: argparse.Namespace) -> dict[str, object]:
    """One run from its seed: settings, scores and versions, as they are written."""
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    data = load_data(arguments)
    started = time.monotonic()
    result = train(arguments, data)
    settings = ("task", "method", "learning_rate", "seed", "epochs", "batch_size", "max_length", "threads")
    scores = result["scores"]
    return {
        **{name: getattr(arguments, name) for name in settings},
        "metric": TASKS[arguments.task].metric,
        "best_score": max(scores),
        "best_epoch": scores.index(max(scores)) + 1,
        "final_score": scores[-1],
        **result,
        "train_examples": len(data.train),
        "dev_examples": len(data.dev),
        "wall_seconds": round(time.monotonic() - started, 2),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }


def parse_arguments() -> argparse.Namespace:
    """The command line; its defaults are those of the project."""
    root = Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", type=Path, default=root / "models" / "all-MiniLM-L6-v2")
    parser.add_argument("--data", type=Path, default=root / "data" / "glue")
    parser.add_argument("--task", choices=TASKS, required=True)
    parser.add_argument("--method", choices=("full", "layernorm"), required=True)
    parser.add_argument("--learning_rate", type=float, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch_size", type=int, default=32)
    parser.add_argument("--max_length", type=int, default=128)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--output", type=Path, required=True, help="JSON lines, appended to")
    return parser.parse_args()


def main() -> None:
    """Append one run to the output file."""
    arguments = parse_arguments()
    if arguments.epochs < 1:
        raise SystemExit("--epochs must be at least 1")
    result = run(arguments)
    with arguments.output.open("a", encoding="utf-8") as file:
        file.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
