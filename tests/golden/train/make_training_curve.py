"""Make curve.json: 30 training steps of the tiny model with torch and Hugging Face transformers.

The model is ../model/tiny (see make_model_golden.py there), encoder and classifier, without dropout.
`full` trains every parameter, `layernorm` the LayerNorm parameters and the classifier. The examples
are in the file, step s uses examples 8 s ... 8 s + 7 modulo 64, and everything is float32.

For each method and step the file holds the loss before the update, the gradient norm before clipping
(over the trained parameters) and the learning rate. `float64_loss_difference` is the largest
distance of a loss from that of the same run in float64: what float32 rounding alone explains.
Clipping is torch's: gradients are scaled by min(1, max_norm / (norm + 1e-6)). Weight decay is decoupled
and also shrinks embedding rows that no example uses.

    python make_training_curve.py [--model FOLDER] [--output FILE]
"""

import argparse
import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType

import torch
from safetensors.torch import load_file
from torch import Tensor
from transformers import BertConfig, BertForSequenceClassification, get_linear_schedule_with_warmup

EXAMPLES = 64
LENGTHS = (3, 20)
HYPER_PARAMETERS = {
    "steps": 30,
    "batch_size": 8,
    "warmup_steps": 3,
    "betas": [0.9, 0.999],
    "epsilon": 1e-8,
    "weight_decay": 0.01,
    "weight_decay_excludes": ["bias", "LayerNorm"],
    "clip_norm": 1.0,
}
LEARNING_RATES = {"full": 3e-4, "layernorm": 1e-3}

Example = dict[str, list[int] | int]
Batch = dict[str, Tensor]


def make_examples(config: BertConfig) -> list[Example]:
    """Random sequences whose label depends on the tokens, so that there is something to learn."""
    generator = torch.Generator().manual_seed(64)
    examples: list[Example] = []
    for _ in range(EXAMPLES):
        length = int(torch.randint(LENGTHS[0], LENGTHS[1] + 1, (1,), generator=generator))
        first = int(torch.randint(1, length + 1, (1,), generator=generator))
        ids = torch.randint(1, config.vocab_size, (length,), generator=generator).tolist()
        types = [int(position >= first) for position in range(length)]
        examples.append({"input_ids": ids, "type_ids": types, "label": ids[0] % 3})
    return examples


def make_batch(examples: list[Example], step: int) -> Batch:
    size = HYPER_PARAMETERS["batch_size"]
    chosen = [examples[(step * size + i) % len(examples)] for i in range(size)]

    def padded(key: str) -> Tensor:
        rows = [torch.tensor(example[key]) for example in chosen]
        return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)

    ids = padded("input_ids")
    return {
        "input_ids": ids,
        "token_type_ids": padded("type_ids"),
        "attention_mask": (ids != 0).long(),
        "labels": torch.tensor([example["label"] for example in chosen]),
    }


def load_model(folder: Path, dtype: torch.dtype) -> BertForSequenceClassification:
    config = BertConfig(**json.loads((folder / "config.json").read_text()), attn_implementation="eager")
    model = BertForSequenceClassification(config)
    model.load_state_dict(load_file(folder / "model.safetensors"))
    return model.to(dtype).train()


def trains(method: str, name: str) -> bool:
    return method == "full" or "LayerNorm" in name or name.startswith("classifier.")


def decays(name: str) -> bool:
    return not name.endswith("bias") and "LayerNorm" not in name


def make_optimizer(model: BertForSequenceClassification, method: str) -> torch.optim.AdamW:
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(trains(method, name))
    trained = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
    decay = HYPER_PARAMETERS["weight_decay"]
    groups = [
        {"params": [p for n, p in trained if decays(n)], "weight_decay": decay},
        {"params": [p for n, p in trained if not decays(n)], "weight_decay": 0.0},
    ]
    betas = (HYPER_PARAMETERS["betas"][0], HYPER_PARAMETERS["betas"][1])
    return torch.optim.AdamW(groups, lr=LEARNING_RATES[method], betas=betas, eps=HYPER_PARAMETERS["epsilon"])


def train(model: BertForSequenceClassification, method: str, examples: list[Example]) -> dict[str, list[float]]:
    """The `loss`, `gradient_norm` and `learning_rate` of every step."""
    optimizer = make_optimizer(model, method)
    warmup, steps = HYPER_PARAMETERS["warmup_steps"], HYPER_PARAMETERS["steps"]
    schedule = get_linear_schedule_with_warmup(optimizer, warmup, steps)
    trained = [p for p in model.parameters() if p.requires_grad]
    curve: dict[str, list[float]] = {"loss": [], "gradient_norm": [], "learning_rate": []}
    for step in range(steps):
        loss = model(**make_batch(examples, step)).loss
        optimizer.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(trained, HYPER_PARAMETERS["clip_norm"])
        curve["loss"].append(loss.item())
        curve["gradient_norm"].append(norm.item())
        curve["learning_rate"].append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    return curve


def make_curve(
    load: Callable[[torch.dtype], BertForSequenceClassification],
    method: str,
    examples: list[Example],
    more: Mapping[str, object] = MappingProxyType({}),
) -> dict[str, object]:
    """The curve of the model that `load` gives in a type, behind what else is to be said of it."""
    curve, exact = (train(load(dtype), method, examples) for dtype in (torch.float32, torch.float64))
    difference = max(abs(a - b) for a, b in zip(curve["loss"], exact["loss"], strict=True))
    settings = {"base_learning_rate": LEARNING_RATES[method], "float64_loss_difference": difference}
    return {**settings, **more, **curve}


def main() -> None:
    here = Path(__file__).parent
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", type=Path, default=here.parent / "model" / "tiny")
    parser.add_argument("--output", type=Path, default=here / "curve.json")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    examples = make_examples(BertConfig.from_pretrained(arguments.model))
    load = partial(load_model, arguments.model)
    curves = {method: make_curve(load, method, examples) for method in LEARNING_RATES}
    rows = ",\n".join(json.dumps(example) for example in examples)
    text = f"""{{"hyper_parameters": {json.dumps(HYPER_PARAMETERS)},
"methods": {json.dumps(curves, indent=1)},
"examples": [\n{rows}\n]}}
"""
    arguments.output.write_text(text)


if __name__ == "__main__":
    main()
