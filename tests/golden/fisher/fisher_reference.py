"""The naive reference of diagonal Fisher information: one example, one gradient, one square at a time.

Used by make_fisher_golden.py, whose docstring defines the results. Everything is float64.
"""

import itertools
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.testing import assert_close
from transformers import BertConfig, BertForSequenceClassification

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "benchmarks" / "training_parity"))
from random_numbers import Stream, random_key  # noqa: E402

TensorMap = dict[str, Tensor]
FISHER_SIGN, SIGN_SEED, DRAWS = 10, 4, 2  # RandomUse, and of `hutchinson`


@dataclass(frozen=True)
class Example:
    """One sequence and what is observed for it."""

    input_ids: Tensor  # [L] int64
    type_ids: Tensor  # [L] int64
    label: int
    target: Tensor  # [] float32


LogLikelihood = Callable[[BertForSequenceClassification, Example], Tensor]


def float64_model(config: dict, weights: TensorMap) -> BertForSequenceClassification:
    """The model with these weights in eval mode, with as many outputs as its classifier has rows."""
    config = {key: value for key, value in config.items() if key not in ("id2label", "label2id")}
    outputs = len(weights["classifier.bias"])
    model = BertForSequenceClassification(BertConfig(**config, num_labels=outputs, attn_implementation="eager"))
    model.load_state_dict(weights)
    return model.double().eval()


def outputs_of(model: BertForSequenceClassification, example: Example) -> Tensor:
    """Logits, or the mean of the Gaussian: [labels]."""
    return model(input_ids=example.input_ids[None], token_type_ids=example.type_ids[None]).logits[0]


def class_log_probabilities(model: BertForSequenceClassification, example: Example) -> Tensor:
    return torch.log_softmax(outputs_of(model, example), dim=0)  # [labels]


def class_log_likelihood(model: BertForSequenceClassification, example: Example) -> Tensor:
    return class_log_probabilities(model, example)[example.label]


def gaussian_log_density(target: Tensor, mu: Tensor) -> Tensor:
    """log N(target; mu, 1) without its constant."""
    return -((target - mu) ** 2) / 2


def gaussian_log_likelihood(model: BertForSequenceClassification, example: Example) -> Tensor:
    return gaussian_log_density(example.target.double(), outputs_of(model, example)[0])


def gradients(model: BertForSequenceClassification, scalar: Tensor) -> TensorMap:
    """d scalar / d NAME of every parameter. The graph stays alive for the next call."""
    named = dict(model.named_parameters())
    return dict(zip(named, torch.autograd.grad(scalar, list(named.values()), retain_graph=True), strict=True))


def square(tensors: TensorMap) -> TensorMap:
    return {name: tensor**2 for name, tensor in tensors.items()}


def weighted_sum(maps: Sequence[TensorMap], weights: Sequence[float]) -> TensorMap:
    pairs = list(zip(maps, weights, strict=True))
    return {name: sum(weight * tensors[name] for tensors, weight in pairs) for name in maps[0]}


def mean(maps: Sequence[TensorMap]) -> TensorMap:
    return weighted_sum(maps, [1 / len(maps)] * len(maps))


def expectation_over_classes(model: BertForSequenceClassification, example: Example) -> TensorMap:
    log_probabilities = class_log_probabilities(model, example)
    squares = [square(gradients(model, log_probability)) for log_probability in log_probabilities]
    return weighted_sum(squares, log_probabilities.exp().tolist())


def expectation_over_gaussian(model: BertForSequenceClassification, example: Example) -> TensorMap:
    """Gauss-Hermite quadrature at mu - 1 and mu + 1, exact because the square is quadratic in y."""
    mu = outputs_of(model, example)[0]
    nodes = (mu.detach() - 1, mu.detach() + 1)
    return mean([square(gradients(model, gaussian_log_density(node, mu))) for node in nodes])


def root_of_logits_fisher(p: Tensor) -> Tensor:
    """L [C, C - 1] with L L^T = diag(p) - p p^T, lower triangular; the last row makes each column's sum zero."""
    covariance = torch.diag(p) - torch.outer(p, p)
    rows = torch.linalg.cholesky(covariance[:-1, :-1])
    return torch.cat([rows, -rows.sum(dim=0, keepdim=True)])


def square_under_signs(model: BertForSequenceClassification, example: Example, signs: Tensor) -> TensorMap:
    """(d (L signs)^T logits / d theta)^2 for signs [C - 1]."""
    logits = outputs_of(model, example)
    root = root_of_logits_fisher(torch.softmax(logits, dim=0).detach())
    return square(gradients(model, logits @ (root @ signs)))


def draw_signs(number: int, count: int) -> Tensor:
    """The signs [DRAWS, count] of the example of that number."""
    stream = Stream(random_key(SIGN_SEED, FISHER_SIGN, number))
    return torch.tensor([[1.0 - 2.0 * stream.below(2) for _ in range(count)] for _ in range(DRAWS)]).double()


def hutchinson(model: BertForSequenceClassification, examples: Sequence[Example]) -> TensorMap:
    """The mean over DRAWS, and before it a check that over every sign it is the expectation over the classes."""
    signs = model.config.num_labels - 1
    every_sign = [torch.tensor(s).double() for s in itertools.product((1.0, -1.0), repeat=signs)]
    first = mean([square_under_signs(model, examples[0], s) for s in every_sign])
    for name, expected in expectation_over_classes(model, examples[0]).items():
        assert_close(first[name], expected, rtol=1e-9, atol=1e-26)
    return mean(
        [
            square_under_signs(model, example, s)
            for number, example in enumerate(examples)
            for s in draw_signs(number, signs)
        ]
    )


def depth_squares(model: BertForSequenceClassification, example: Example, expects: bool) -> Tensor:
    """Sums of squares over tokens and hidden units, [6, L + 1]: hidden states from the embeddings on, what attention
    and what the feed-forward network add to their input, and the gradients of log p(y | x) with respect to the three.

    `expects` takes the expectation over the classes y in place of the given label.
    """
    layers = list(model.bert.encoder.layer)
    modules = [
        [model.bert.embeddings, *layers],
        [layer.attention.output.dense for layer in layers],
        [layer.output.dense for layer in layers],
    ]
    outputs, hooks = {}, []
    for module in sum(modules, []):

        def record(module: torch.nn.Module, _: tuple[Tensor], result: Tensor | tuple[Tensor, ...]) -> None:
            outputs[module] = result[0] if isinstance(result, tuple) else result

        hooks.append(module.register_forward_hook(record))
    log_probabilities = class_log_probabilities(model, example)
    for hook in hooks:
        hook.remove()

    weights = log_probabilities.exp().tolist() if expects else [1.0]
    scalars = log_probabilities if expects else [log_probabilities[example.label]]
    squares = torch.zeros(2 * len(modules), len(layers) + 1, dtype=torch.float64)
    for row, group in enumerate(modules):
        for place, module in enumerate(group, start=len(layers) + 1 - len(group)):
            squares[row, place] = (outputs[module] ** 2).sum()
            for weight, scalar in zip(weights, scalars, strict=True):
                (gradient,) = torch.autograd.grad(scalar, outputs[module], retain_graph=True)
                squares[row + len(modules), place] += weight * (gradient**2).sum()
    return squares.detach()


def per_token_squares(model: BertForSequenceClassification, example: Example) -> TensorMap:
    """sum over t of (dY[t, o] X[t, i])^2 for the weight of every linear layer."""
    inputs, outputs, hooks = {}, {}, []
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Linear):

            def record(_: torch.nn.Module, given: tuple[Tensor], result: Tensor, name: str = name) -> None:
                inputs[f"{name}.weight"], outputs[f"{name}.weight"] = given[0].detach(), result

            hooks.append(module.register_forward_hook(record))
    log_likelihood = class_log_likelihood(model, example)
    for hook in hooks:
        hook.remove()

    whole = gradients(model, log_likelihood)
    output_gradients = torch.autograd.grad(log_likelihood, list(outputs.values()))
    squares = {}
    for name, output_gradient in zip(outputs, output_gradients, strict=True):
        x, dy = inputs[name].flatten(0, -2), output_gradient.flatten(0, -2)  # [L, in], [L, out]
        contributions = dy[:, :, None] * x[:, None, :]  # [L, out, in]
        assert_close(contributions.sum(dim=0), whole[name], rtol=1e-10, atol=1e-13)
        squares[name] = (contributions**2).sum(dim=0)
    return squares
