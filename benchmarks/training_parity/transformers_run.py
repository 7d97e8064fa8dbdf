"""Fine-tuning runs with transformers and torch, with the engine's head and order of examples.

The loop is the usual one: dropout as in the model's configuration, padding to the longest sequence of a batch, AdamW
with decoupled weight decay, linear warm-up and decay, gradient clipping. Dropout masks are torch's or the engine's.

    python transformers_run.py CASE --model MODEL --glue GLUE --seeds 1 2 3 --masks torch --output runs.jsonl

One line of JSON a seed is appended to the output; seeds that it has already are left out.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import random_numbers
import torch
from tasks import CASES, NO_DROPOUT
from torch import Tensor
from torch.nn import functional
from transformers import BertForSequenceClassification, BertTokenizerFast, get_linear_schedule_with_warmup

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from glue_data import TASKS, Example, read_examples  # noqa: E402

MAX_LENGTH = 128


@dataclass(frozen=True)
class Settings:
    """What both sides are given."""

    model: Path
    method: str  # full or layernorm
    learning_rate: float
    steps: int
    batch_size: int
    outputs: int  # 1: regression
    dropout: dict[str, float]  # keys of config.json that differ from the model's
    warmup_fraction: float = 0.1
    weight_decay: float = 0.01
    clip_norm: float = 1.0


class EngineMasks:
    """Stands in for torch's dropout: each layer's mask as the engine defines it, in the order of the calls."""

    def __init__(self, model: BertForSequenceClassification) -> None:
        self.layers = model.config.num_hidden_layers
        self.key = 0
        self.examples: list[int] = []
        self.lengths: list[int] = []
        self.call = 0

    def start_pass(self, key: int, examples: list[int], lengths: list[int]) -> None:
        self.key, self.examples, self.lengths, self.call = key, examples, lengths, 0

    def __call__(self, values: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
        if not training:
            return values
        call = self.call
        self.call += 1
        last_call = 3 * self.layers + 1
        if p == 0.0:
            return values
        # Sites: embeddings, classifier, then three a layer; here the classifier's comes last.
        site = 0 if call == 0 else 1 if call == last_call else call + 1
        factors = torch.ones_like(values)
        for b, (example, length) in enumerate(zip(self.examples, self.lengths, strict=True)):
            own = self.own_part(factors[b], call == last_call, length)
            drawn = random_numbers.dropout_factors(self.key, site, example, own.numel(), p)
            own.copy_(torch.from_numpy(drawn).reshape(own.shape))
        return values * factors

    def own_part(self, factors: Tensor, is_pooled: bool, length: int) -> Tensor:
        """The elements of one example that are not padding; of the last layer, those that reach its first token."""
        if is_pooled:  # [H]
            return factors
        layer, site = divmod(self.call - 2, 3)  # of the call just counted
        queries = 1 if layer == self.layers - 1 and self.call > 1 else length
        if factors.dim() == 3:  # probabilities [heads, L, L]
            return factors[:, :queries, :length]
        return factors[:queries]  # [L, H]


@contextlib.contextmanager
def engine_dropout(masks: EngineMasks | None) -> Iterator[None]:
    """torch's dropout is replaced by `masks` where there are any."""
    original = functional.dropout
    if masks is not None:
        functional.dropout = masks
    try:
        yield
    finally:
        functional.dropout = original


def make_batch(examples: list[Example], is_regression: bool) -> dict[str, Tensor]:
    """Padded to the longest of these examples."""

    def pad(rows: list[list[int]]) -> Tensor:
        return torch.nn.utils.rnn.pad_sequence([torch.tensor(row) for row in rows], batch_first=True)

    labels = torch.tensor([e.label for e in examples])
    return {
        "input_ids": pad([e.input_ids for e in examples]),
        "token_type_ids": pad([e.type_ids for e in examples]),
        "attention_mask": pad([[1] * len(e.input_ids) for e in examples]),
        "labels": labels if is_regression else labels.long(),
    }


def load_model(settings: Settings, seed: int, attention: str) -> BertForSequenceClassification:
    """The pre-trained encoder under the engine's head; only what the method trains requires gradients."""
    model = BertForSequenceClassification.from_pretrained(
        settings.model,
        num_labels=settings.outputs,
        attn_implementation=attention,
        ignore_mismatched_sizes=True,
        **settings.dropout,
    )
    head = model.classifier
    weights = random_numbers.head_weights(seed, tuple(head.weight.shape), model.config.initializer_range)
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(weights))
        head.bias.zero_()
    for name, parameter in model.named_parameters():
        is_small = "LayerNorm" in name or name.startswith("classifier.")
        parameter.requires_grad_(settings.method == "full" or is_small)
    return model


def make_optimizer(model: BertForSequenceClassification, settings: Settings) -> torch.optim.AdamW:
    """AdamW over what is trainable; biases and LayerNorm parameters do not decay."""
    groups: list[dict] = [{"params": [], "weight_decay": settings.weight_decay}, {"params": [], "weight_decay": 0.0}]
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            groups[name.endswith("bias") or "LayerNorm" in name]["params"].append(parameter)
    return torch.optim.AdamW(groups, lr=settings.learning_rate, fused=True)


def batches(examples: int, batch_size: int, seed: int) -> Iterator[tuple[int, list[int]]]:
    """(step, its examples), without end."""
    step, epoch = 0, 0
    while True:
        order = random_numbers.permutation(examples, seed, epoch)
        for start in range(0, examples, batch_size):
            yield step, order[start : start + batch_size]
            step += 1
        epoch += 1


def train(
    settings: Settings, data: list[Example], dev: list[Example], seed: int, masks_of: str, dtype: str = "float32"
) -> dict[str, list]:
    """Loss and gradient norm of each step, and the outputs on the development set at the end."""
    model = load_model(settings, seed, "eager" if masks_of == "engine" else "sdpa").to(getattr(torch, dtype))
    torch.manual_seed(seed)
    masks = EngineMasks(model) if masks_of == "engine" else None
    optimizer = make_optimizer(model, settings)
    schedule = get_linear_schedule_with_warmup(
        optimizer, math.ceil(settings.warmup_fraction * settings.steps), settings.steps
    )
    trained = [p for p in model.parameters() if p.requires_grad]
    curve: dict[str, list] = {"loss": [], "gradient_norm": []}
    model.train()
    for step, chosen in batches(len(data), settings.batch_size, seed):
        if step == settings.steps:
            break
        batch = [data[i] for i in chosen]
        if masks is not None:
            key = random_numbers.random_key(seed, random_numbers.DROPOUT, step)
            masks.start_pass(key, chosen, [len(e.input_ids) for e in batch])
        inputs = make_batch(batch, settings.outputs == 1)
        if settings.outputs == 1:
            inputs["labels"] = inputs["labels"].to(model.dtype)
        with engine_dropout(masks):
            loss = model(**inputs).loss
        optimizer.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(trained, settings.clip_norm)
        optimizer.step()
        schedule.step()
        curve["loss"].append(loss.item())
        curve["gradient_norm"].append(norm.item())
    return curve | {"logits": predict(model, dev).tolist()}


def predict(model: BertForSequenceClassification, examples: list[Example]) -> np.ndarray:
    """[N, outputs] in evaluation mode, in the order of the examples."""
    model.eval()
    order = sorted(range(len(examples)), key=lambda i: len(examples[i].input_ids))
    logits = np.empty((len(examples), model.config.num_labels))
    with torch.inference_mode():
        for start in range(0, len(order), 64):
            chosen = order[start : start + 64]
            inputs = make_batch([examples[i] for i in chosen], True)
            del inputs["labels"]
            logits[chosen] = model(**inputs).logits
    return logits


def done_seeds(output: Path) -> set[int]:
    if not output.is_file():
        return set()
    return {json.loads(line)["seed"] for line in output.read_text(encoding="utf-8").splitlines()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("case", choices=CASES)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--glue", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", required=True)
    parser.add_argument("--masks", choices=("torch", "engine"), default="torch")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    case = CASES[arguments.case]
    tokenizer = BertTokenizerFast(str(arguments.model / "vocab.txt"), do_lower_case=True)
    data, dev = (
        read_examples(arguments.glue / case.task / f"{split}.tsv", TASKS[case.task], tokenizer, MAX_LENGTH)
        for split in ("train", "dev")
    )
    settings = Settings(
        model=arguments.model,
        method=case.method,
        learning_rate=case.learning_rate,
        steps=case.steps,
        batch_size=case.batch_size,
        outputs=case.outputs,
        dropout={} if case.has_dropout else NO_DROPOUT,
    )
    for seed in sorted(set(arguments.seeds) - done_seeds(arguments.output)):
        run = {"seed": seed, "masks": arguments.masks} | train(settings, data, dev, seed, arguments.masks)
        with arguments.output.open("a", encoding="utf-8") as file:
            file.write(json.dumps(run) + "\n")


if __name__ == "__main__":
    main()
