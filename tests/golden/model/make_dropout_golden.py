"""Make dropout_tiny.safetensors and dropout_minilm.safetensors: moments over dropout masks, with transformers.

For each place of dropout alone, and for all together, the model is run forward and backward in training mode many times
with masks that torch draws. The files hold the mean, the variance and the fourth central moment over these draws

    of the logits, and
    of three functions of every tensor's gradient: two projections and the squared Euclidean norm.

A projection of the gradient G [m, n] is u' G v with signs u and v that `signs` defines, so that whoever has only the
factors of a gradient can compute it too. `one` is a single sequence with squared error, `batch` several of different
lengths with mean cross-entropy. Each file holds its inputs:

    BATCH.input_ids, .type_ids, .offsets, .labels      packed, as in expected.safetensors
    BATCH.classifier.weight, BATCH.classifier.bias     the head
    BATCH.PLACE.logits      [sequences * outputs, 3]   mean, variance, fourth central moment
    BATCH.PLACE.gradients   [tensors, 3, 3]            by name, sorted; function; moment
    draws, probability      [1]

MiniLM's weights are not committed; scripts/setup fetches them.

    python make_dropout_golden.py [--minilm FOLDER] [--draws N] [--output FOLDER]
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from make_model_golden import PackedInputs, bert_weights, pad, save, splitmix64
from safetensors.torch import load_file
from torch import Tensor
from transformers import BertConfig, BertForSequenceClassification

PROBABILITY = 0.1
PROJECTIONS = 2
MINILM_SEQUENCES = (0, 2, 5)
Model = BertForSequenceClassification

# The dropout modules of a model, by place.
PLACES: dict[str, Callable[[Model], list[torch.nn.Dropout]]] = {
    "embeddings": lambda model: [model.bert.embeddings.dropout],
    "attention_probabilities": lambda model: [layer.attention.self.dropout for layer in model.bert.encoder.layer],
    "attention_output": lambda model: [layer.attention.output.dropout for layer in model.bert.encoder.layer],
    "feed_forward_output": lambda model: [layer.output.dropout for layer in model.bert.encoder.layer],
    "pooled": lambda model: [model.dropout],
}


@dataclass(frozen=True)
class Case:
    """A batch with its labels and the head that is trained on it."""

    inputs: PackedInputs
    labels: Tensor
    head: dict[str, Tensor]

    @property
    def outputs(self) -> int:
        return self.head["classifier.bias"].numel()

    def tensors(self, prefix: str) -> dict[str, Tensor]:
        tensors = self.inputs.tensors() | {"labels": self.labels} | self.head
        return {f"{prefix}.{name}": tensor.contiguous() for name, tensor in tensors.items()}


def select(inputs: PackedInputs, sequences: tuple[int, ...]) -> PackedInputs:
    """Some sequences of a batch."""
    offsets = inputs.offsets.tolist()
    rows = torch.cat([torch.arange(offsets[b], offsets[b + 1]) for b in sequences])
    lengths = [offsets[b + 1] - offsets[b] for b in sequences]
    return PackedInputs(inputs.input_ids[rows], inputs.type_ids[rows], torch.tensor([0, *np.cumsum(lengths)]))


def read_inputs(tensors: dict[str, Tensor]) -> PackedInputs:
    return PackedInputs(tensors["input_ids"], tensors["type_ids"], tensors["offsets"])


def signs(count: int, number: int) -> Tensor:
    """The first `count` of the sign sequence with this number: bit 32 of splitmix64 at i + 2^32 number."""
    hashes = splitmix64(np.arange(count, dtype=np.uint64) + np.uint64(number << 32))
    return torch.from_numpy(np.where((hashes >> np.uint64(32)) & np.uint64(1), 1.0, -1.0).astype(np.float32))


class GradientFunctions:
    """The projections and the squared norm of every gradient, tensors sorted by name.

    `tokens` [V'] are the rows of the full embedding that the model's has.
    """

    def __init__(self, model: Model, tokens: Tensor) -> None:
        self.parameters = [p for _, p in sorted(model.named_parameters())]
        vocabulary = model.bert.embeddings.word_embeddings.weight
        rows = [tokens if p is vocabulary else torch.arange(p.shape[0]) for p in self.parameters]
        self.directions = [
            [self.direction(p, row, k) for p, row in zip(self.parameters, rows, strict=True)]
            for k in range(PROJECTIONS)
        ]

    @staticmethod
    def direction(parameter: Tensor, rows: Tensor, k: int) -> tuple[Tensor, Tensor | None]:
        columns = signs(parameter.shape[1], 2 * k + 1) if parameter.dim() == 2 else None
        return signs(int(rows.max()) + 1, 2 * k)[rows], columns

    def __call__(self) -> Tensor:  # [tensors, 3]
        columns = []
        for directions in self.directions:
            values = []
            for p, (u, v) in zip(self.parameters, directions, strict=True):
                values.append(u @ (p.grad if v is None else p.grad @ v))
            columns.append(torch.stack(values))
        flat = [p.grad.reshape(-1) for p in self.parameters]
        columns.append(torch.stack([gradient @ gradient for gradient in flat]))
        return torch.stack(columns, dim=1)


def moments(draws: Tensor) -> Tensor:
    """[N, ...] to [..., 3]: mean, variance and fourth central moment over the draws."""
    draws = draws.double()
    centred = draws - draws.mean(0)
    return torch.stack([draws.mean(0), centred.square().mean(0), centred.pow(4).mean(0)], dim=-1)


def measure(model: Model, case: Case, tokens: Tensor, draws: int) -> dict[str, Tensor]:
    """Moments of the logits and of the functions of the gradients."""
    functions = GradientFunctions(model, tokens)
    inputs = pad(replace(case.inputs, input_ids=torch.searchsorted(tokens, case.inputs.input_ids)))
    logits, gradients = [], []
    for _ in range(draws):
        output = model(**inputs).logits
        if case.outputs == 1:
            loss = torch.nn.functional.mse_loss(output[:, 0], case.labels)
        else:
            loss = torch.nn.functional.cross_entropy(output, case.labels)
        model.zero_grad()
        loss.backward()
        logits.append(output.detach().reshape(-1))
        gradients.append(functions())
    return {"logits": moments(torch.stack(logits)), "gradients": moments(torch.stack(gradients))}


def build(config: dict, weights: dict[str, Tensor], case: Case, tokens: Tensor) -> Model:
    """A float32 model in training mode, no dropout yet, with these tokens alone: others have no gradient."""
    config = {key: value for key, value in config.items() if key not in ("id2label", "label2id")}
    config |= {"vocab_size": tokens.numel()}
    model = Model(BertConfig(**config, num_labels=case.outputs, attn_implementation="eager"))
    embedding = "bert.embeddings.word_embeddings.weight"
    weights = weights | case.head | {embedding: weights[embedding][tokens]}
    missing, unexpected = model.load_state_dict(weights, strict=False)
    if any("position_ids" not in name for name in [*missing, *unexpected]):
        raise ValueError(f"missing {missing}, unexpected {unexpected}")
    return model.train()


def make(config: dict, weights: dict[str, Tensor], cases: dict[str, Case], draws: int, file: Path) -> None:
    tensors = {"draws": torch.tensor([draws]), "probability": torch.tensor([PROBABILITY], dtype=torch.float64)}
    torch.manual_seed(2026)
    for name, case in cases.items():
        tensors |= case.tensors(name)
        tokens = torch.cat([torch.zeros(1, dtype=torch.int64), case.inputs.input_ids]).unique()  # [PAD] has number 0
        for place in [*PLACES, "all"]:
            model = build(config, weights, case, tokens)
            for other, modules in PLACES.items():
                for module in modules(model):
                    module.p = PROBABILITY if place in (other, "all") else 0.0
            for quantity, values in measure(model, case, tokens, draws).items():
                tensors[f"{name}.{place}.{quantity}"] = values.float()
            print(file.name, name, place, flush=True)
    save(tensors, file)


def tiny_cases(folder: Path) -> dict[str, Case]:
    expected = load_file(folder / "expected.safetensors")
    inputs = read_inputs(expected)
    weights = load_file(folder / "model.safetensors")
    regression = {name: expected[f"regression.{name}"] for name in ("classifier.weight", "classifier.bias")}
    classification = {name: weights[name] for name in regression}
    return {
        "one": Case(select(inputs, (0,)), expected["regression.labels"][:1], regression),
        "batch": Case(inputs, expected["labels"], classification),
    }


def minilm_cases(folder: Path) -> dict[str, Case]:
    stored = load_file(folder / "minilm.safetensors")
    inputs = read_inputs(stored)
    head = {name: stored[name] for name in ("classifier.weight", "classifier.bias")}
    batch = Case(select(inputs, MINILM_SEQUENCES), stored["labels"][list(MINILM_SEQUENCES)], head)
    one_output = {name: tensor[:1].clone() for name, tensor in head.items()}
    one = replace(batch, inputs=select(inputs, (0,)), labels=torch.tensor([2.5]), head=one_output)
    return {"one": one, "batch": batch}


def main() -> None:
    here = Path(__file__).parent
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output", type=Path, default=here)
    parser.add_argument("--minilm", type=Path, default=here.parents[2] / "models" / "minilm-l6")
    parser.add_argument("--draws", type=int, default=4000)
    parser.add_argument("--only", choices=("tiny", "minilm"))
    arguments = parser.parse_args()
    if arguments.only != "minilm":
        tiny = here / "tiny"
        config = json.loads((tiny / "config.json").read_text())
        weights = load_file(tiny / "model.safetensors")
        make(config, weights, tiny_cases(tiny), arguments.draws, arguments.output / "dropout_tiny.safetensors")
    if arguments.only != "tiny":
        config = json.loads((arguments.minilm / "config.json").read_text())
        weights = bert_weights(arguments.minilm / "model.safetensors")
        make(config, weights, minilm_cases(here), arguments.draws, arguments.output / "dropout_minilm.safetensors")


if __name__ == "__main__":
    main()
