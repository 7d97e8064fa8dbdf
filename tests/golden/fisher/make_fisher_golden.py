"""Make expected.safetensors: diagonal Fisher information by batch-1 autograd in float64.

For every tensor NAME of the model, mean over the examples x_n of

    F = E_y[(d log p(y | x_n) / d theta)^2]

in evaluation mode. The gradient of each example is taken by itself, summed over its tokens, and only
then squared: an embedding row used twice in one example contributes (g1 + g2)^2, not g1^2 + g2^2.

    input_ids [T], type_ids [T], offsets [B + 1], labels [B], all int64
        Packed inputs. Every example repeats a token id and shares some with other examples; it is a
        segment of type 0, then one of type 1 that may be empty.
    empirical.NAME
        y is the given label.
    true.NAME
        Exact expectation over the three classes, y ~ p(y | x_n).
    regression.labels [B] float32, regression.empirical.NAME, regression.true.NAME
        The same for y ~ N(mu, 1), where mu is the output of the one-output head
        `regression.classifier.*` of ../model/tiny/expected.safetensors.

    scales.empirical, scales.true [6, L + 1] float64
        Root mean squares over all tokens and hidden units at the embeddings and each layer: of the hidden
        state that leaves it, of what attention and what the feed-forward network add to their input, and
        of the gradients of log p(y | x_n) with respect to these three. Embeddings have the first and the
        fourth row only; 0 elsewhere.

    hutchinson.NAME, for some tensors
        The estimate of `true` by two draws of signs s per example: mean over them of (d (L s)^T logits / d theta)^2,
        where L L^T = diag(p) - p p^T. The signs are those of seed 4, by benchmarks/training_parity/random_numbers.py.

Two common mistakes are stored for some tensors, so that a test can tell that it would notice them:

    batch3.NAME
        Empirical, but the mean gradient of three consecutive examples is squared, and these squares
        are averaged over the batches.
    per_token.NAME
        Empirical, but every token's (dY[t, o] X[t, i])^2 of Y = X W^T + b is summed over the tokens.
        Only the first token is pooled, so in the last layer the other tokens matter only by their keys and
        values: its other weights, the pooler and the classifier would equal `empirical`.

The model is ../model/tiny (see make_model_golden.py there): dropout off, eager attention, float64 from
the stored float32 weights; all but the scales are rounded once to float32. The Fisher information of every
`attention.self.key.bias` is zero in exact arithmetic (softmax does not see a shift), and what is stored
is squared rounding error: compare it absolutely, not relatively. Rows of embeddings that no example uses
are exactly zero.

The gradients and expectations are in fisher_reference.py. Before it writes, this script compares the
empirical results with central differences of log p, and those of the classifier with closed forms.

    python make_fisher_golden.py [--model FOLDER] [--output FILE]
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import transformers
from fisher_reference import (
    Example,
    LogLikelihood,
    TensorMap,
    class_log_likelihood,
    depth_squares,
    expectation_over_classes,
    expectation_over_gaussian,
    float64_model,
    gaussian_log_likelihood,
    gradients,
    hutchinson,
    mean,
    per_token_squares,
    square,
)
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.testing import assert_close
from transformers import BertForSequenceClassification

LENGTHS = (7, 3, 48, 12, 21, 5, 30, 2, 17)
ID_RANGE = (1, 25)  # few of the 120, so that examples share ids
LABELS = (2, 0, 1, 0, 2, 1, 1, 0, 2)
BATCH_SIZE = 3
SOME_TENSORS = (
    "bert.embeddings.LayerNorm.weight",
    "bert.embeddings.token_type_embeddings.weight",
    "bert.embeddings.word_embeddings.weight",
    "bert.encoder.layer.0.attention.self.query.weight",
    "bert.encoder.layer.0.intermediate.dense.bias",
    "bert.encoder.layer.1.output.LayerNorm.bias",
    "bert.encoder.layer.1.output.dense.weight",
    "bert.pooler.dense.weight",
    "classifier.bias",
    "classifier.weight",
)
PER_TOKEN_TENSORS = (
    "bert.encoder.layer.0.attention.output.dense.weight",
    "bert.encoder.layer.0.attention.self.query.weight",
    "bert.encoder.layer.0.intermediate.dense.weight",
    "bert.encoder.layer.1.attention.self.value.weight",
)

DIFFERENCE_STEP = 1e-5
DIFFERENCE_FLOOR = 1e-18  # squared rounding error of a central difference: (1e-14 / 1e-5)^2
GRADIENT_FLOOR = 1e-26  # squared rounding error of a gradient that is zero: (1e-13)^2


def make_examples() -> list[Example]:
    """Random sequences; ids come from half as many different ones as there are tokens, so some repeat."""
    generator = torch.Generator().manual_seed(1925)
    targets = torch.randn(len(LENGTHS), generator=generator) * 2
    examples = []
    for length, label, target in zip(LENGTHS, LABELS, targets, strict=True):
        pool = torch.randint(*ID_RANGE, ((length + 1) // 2,), generator=generator)
        input_ids = pool[torch.randint(len(pool), (length,), generator=generator)]
        first_of_type_1 = int(torch.randint(1, length + 1, (1,), generator=generator))
        type_ids = (torch.arange(length) >= first_of_type_1).long()
        examples.append(Example(input_ids, type_ids, label, target))
    return examples


def packed(examples: Sequence[Example]) -> TensorMap:
    lengths = [len(example.input_ids) for example in examples]
    return {
        "input_ids": torch.cat([example.input_ids for example in examples]),
        "type_ids": torch.cat([example.type_ids for example in examples]),
        "offsets": torch.tensor([0, *np.cumsum(lengths).tolist()]),
        "labels": torch.tensor([example.label for example in examples]),
        "regression.labels": torch.stack([example.target for example in examples]),
    }


def check_differences(
    model: BertForSequenceClassification,
    examples: Sequence[Example],
    log_likelihood: LogLikelihood,
    fisher: TensorMap,
) -> None:
    """Compare the largest and a middling nonzero entry of every tensor with central differences."""
    for name, parameter in model.named_parameters():
        flat = parameter.detach().view(-1)
        order = fisher[name].flatten().argsort(descending=True)
        nonzero = max(1, int(fisher[name].count_nonzero()))
        for index in {int(order[0]), int(order[nonzero // 2])}:
            stored, at_offset = float(flat[index]), []
            for offset in (DIFFERENCE_STEP, -DIFFERENCE_STEP):
                flat[index] = stored + offset
                with torch.no_grad():
                    at_offset.append(torch.stack([log_likelihood(model, example) for example in examples]))
            flat[index] = stored
            slopes = (at_offset[0] - at_offset[1]) / (2 * DIFFERENCE_STEP)  # [B]
            found = fisher[name].flatten()[index]
            assert_close(
                found,
                (slopes**2).mean(),
                rtol=1e-5,
                atol=DIFFERENCE_FLOOR,
                msg=lambda text, name=name, index=index: f"{name}[{index}]: {text}",
            )


def pooled_outputs(model: BertForSequenceClassification, examples: Sequence[Example]) -> Tensor:
    with torch.no_grad():
        rows = [
            model.bert(input_ids=e.input_ids[None], token_type_ids=e.type_ids[None]).pooler_output for e in examples
        ]
    return torch.cat(rows)  # [B, H]


def check_class_head(model: BertForSequenceClassification, examples: Sequence[Example], true: TensorMap) -> None:
    """A logistic head on features x: F(W[c, j]) = mean of x_j^2 p_c (1 - p_c), F(b[c]) = mean of p_c (1 - p_c)."""
    x = pooled_outputs(model, examples)
    p = torch.softmax(model.classifier(x).detach(), dim=1)
    variance = p * (1 - p)  # [B, labels]
    assert_close(true["classifier.weight"], variance.T @ x**2 / len(examples), rtol=1e-10, atol=0)
    assert_close(true["classifier.bias"], variance.mean(dim=0), rtol=1e-10, atol=0)


def check_gaussian_head(
    model: BertForSequenceClassification, examples: Sequence[Example], fisher: dict[str, TensorMap]
) -> None:
    """Linear regression on features x: mean of x_j^2, with a factor (y - mu)^2 where y is given."""
    x = pooled_outputs(model, examples)
    targets = torch.stack([example.target for example in examples]).double()
    residuals = targets - model.classifier(x).detach()[:, 0]
    for mode, factor in (("true", torch.ones_like(residuals)), ("empirical", residuals**2)):
        found = fisher[mode]
        assert_close(found["classifier.weight"][0], factor @ x**2 / len(examples), rtol=1e-10, atol=0)
        assert_close(found["classifier.bias"][0], factor.mean(), rtol=1e-10, atol=0)


def check_zero_where_exact(fisher: TensorMap) -> None:
    for name, tensor in fisher.items():
        if name.endswith("attention.self.key.bias"):
            assert float(tensor.max()) < GRADIENT_FLOOR, f"{name}: {float(tensor.max())}, expected zero"


def classification(model: BertForSequenceClassification, examples: Sequence[Example]) -> dict[str, TensorMap]:
    """`empirical`, `true`, `hutchinson`, `batch3` and `per_token`, all float64 and checked."""
    by_example = [gradients(model, class_log_likelihood(model, example)) for example in examples]
    batches = [by_example[first : first + BATCH_SIZE] for first in range(0, len(examples), BATCH_SIZE)]
    empirical = mean([square(tensors) for tensors in by_example])
    true = mean([expectation_over_classes(model, example) for example in examples])
    batch3 = mean([square(mean(batch)) for batch in batches])
    per_token = mean([per_token_squares(model, example) for example in examples])

    check_differences(model, examples, class_log_likelihood, empirical)
    check_class_head(model, examples, true)
    for fisher in (empirical, true):
        check_zero_where_exact(fisher)
    estimate = hutchinson(model, examples)
    return {
        "empirical": empirical,
        "true": true,
        "hutchinson": {name: estimate[name] for name in SOME_TENSORS},
        "batch3": {name: batch3[name] for name in SOME_TENSORS},
        "per_token": {name: per_token[name] for name in PER_TOKEN_TENSORS},
    }


def scales(model: BertForSequenceClassification, examples: Sequence[Example]) -> TensorMap:
    values = sum(len(example.input_ids) for example in examples) * model.config.hidden_size
    return {
        f"scales.{mode}": (sum(depth_squares(model, example, expects) for example in examples) / values).sqrt()
        for mode, expects in (("empirical", False), ("true", True))
    }


def regression(model: BertForSequenceClassification, examples: Sequence[Example]) -> dict[str, TensorMap]:
    """`empirical` and `true`, float64 and checked."""
    fisher = {
        "empirical": mean([square(gradients(model, gaussian_log_likelihood(model, example))) for example in examples]),
        "true": mean([expectation_over_gaussian(model, example) for example in examples]),
    }
    check_differences(model, examples, gaussian_log_likelihood, fisher["empirical"])
    check_gaussian_head(model, examples, fisher)
    for mode in fisher.values():
        check_zero_where_exact(mode)
    return fisher


def to_float32(fisher: dict[str, TensorMap], prefix: str = "") -> TensorMap:
    """One flat map, PREFIX + VARIANT.NAME to float32."""
    return {
        f"{prefix}{variant}.{name}": tensor.float().contiguous()
        for variant, tensors in fisher.items()
        for name, tensor in tensors.items()
    }


def main() -> None:
    here = Path(__file__).parent
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", type=Path, default=here.parent / "model" / "tiny")
    parser.add_argument("--output", type=Path, default=here / "expected.safetensors")
    arguments = parser.parse_args()
    torch.set_num_threads(1)  # one order of summation

    config = json.loads((arguments.model / "config.json").read_text())
    weights = load_file(arguments.model / "model.safetensors")
    stored = load_file(arguments.model / "expected.safetensors")
    head = {f"classifier.{part}": stored[f"regression.classifier.{part}"] for part in ("weight", "bias")}

    examples = make_examples()
    tensors = packed(examples)
    tensors |= to_float32(classification(float64_model(config, weights), examples))
    tensors |= scales(float64_model(config, weights), examples)
    tensors |= to_float32(regression(float64_model(config, weights | head), examples), "regression.")
    made_by = f"make_fisher_golden.py, torch {torch.__version__}, transformers {transformers.__version__}"
    save_file(tensors, arguments.output, metadata={"made_by": made_by})


if __name__ == "__main__":
    main()
