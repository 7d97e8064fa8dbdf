"""Make the golden files of the architectures beside BERT with Hugging Face transformers.

Writes beside this script, unless --output names another folder, for each FOLDER of MODELS:

    FOLDER/config.json, FOLDER/model.safetensors
        A random two-layer classifier with three labels, of a configuration that sets what its architecture can set.
    FOLDER/expected.safetensors
        Packed inputs, logits, loss and every gradient of that model (mean cross-entropy). Under `padded.`, inputs in
        which texts hold the padding token, and their logits. The diagonal Fisher information of every tensor,
        `fisher.NAME`, exact over the labels, and `depth`, sums of squares as fisher_reference.py has them, of the given
        labels. For each probability of dropout, alone, `dropout.KEY`: mean, variance and fourth central moment of each
        logit over many masks of torch's, [B * labels, 3].

Conventions are those of make_model_golden.py: packed batches, float64 from stored float32 weights, dropout off.

    python make_architecture_golden.py [--output FOLDER] [--only FOLDER]
"""

import argparse
import json
from pathlib import Path

import torch
import transformers
from architecture_subjects import MODELS, Subject
from make_model_golden import PackedInputs, random_inputs, to_float32
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import Module

LABELS = torch.tensor([2, 0, 1, 0])
PROBABILITY, DRAWS, COPIES = 0.3, 4000, 100


def random_weights(model: Module, generator: torch.Generator) -> dict[str, Tensor]:
    """Normal(0, 0.3) everywhere; LayerNorm weights about 1, clearly off it."""
    weights = {}
    for name, parameter in sorted(model.named_parameters()):
        values = torch.randn(parameter.shape, generator=generator) * 0.3
        weights[name] = values + 1 if name.endswith(".weight") and parameter.dim() == 1 else values
    return weights


def single(inputs: PackedInputs, example: int) -> PackedInputs:
    first, end = inputs.offsets[example : example + 2].tolist()
    return PackedInputs(inputs.input_ids[first:end], inputs.type_ids[first:end], torch.tensor([0, end - first]))


def fisher(subject: Subject, model: Module, inputs: PackedInputs) -> dict[str, Tensor]:
    """The mean over examples of E_y (d log p(y | x) / d theta)^2, one example and one label at a time."""
    named = dict(model.named_parameters())
    sums = {name: torch.zeros_like(parameter) for name, parameter in named.items()}
    for example in range(len(LABELS)):
        log_probabilities = torch.log_softmax(subject.logits(model, single(inputs, example))[0], dim=0)
        for log_probability in log_probabilities:
            gradients = torch.autograd.grad(log_probability, list(named.values()), retain_graph=True)
            for name, gradient in zip(named, gradients, strict=True):
                sums[name] += log_probability.exp().detach() * gradient**2
    return {f"fisher.{name}": total / len(LABELS) for name, total in sums.items()}


def depth(subject: Subject, model: Module, inputs: PackedInputs) -> Tensor:
    """Sums of squares over examples, tokens and hidden units, [6, L + 1]."""
    groups = subject.depth_modules(model)
    squares = torch.zeros(2 * len(groups), len(groups[0]), dtype=torch.float64)
    for example, label in enumerate(LABELS.tolist()):
        outputs = {}

        def record(module: Module, _: tuple, result: Tensor | tuple, outputs: dict = outputs) -> None:
            outputs[module] = result[0] if isinstance(result, tuple) else result

        hooks = [module.register_forward_hook(record) for group in groups for module in group]
        log_probability = torch.log_softmax(subject.logits(model, single(inputs, example))[0], dim=0)[label]
        for hook in hooks:
            hook.remove()
        for row, group in enumerate(groups):
            for place, module in enumerate(group, start=len(groups[0]) - len(group)):
                (gradient,) = torch.autograd.grad(log_probability, outputs[module], retain_graph=True)
                squares[row, place] += (outputs[module].detach() ** 2).sum()
                squares[row + len(groups), place] += (gradient**2).sum()
    return squares


def build(subject: Subject, config: dict) -> Module:
    classifier = getattr(transformers, subject.classifier)
    return classifier(
        classifier.config_class(**config, num_labels=len(set(LABELS.tolist())), attn_implementation="eager")
    )


def dropout(subject: Subject, weights: dict[str, Tensor], inputs: PackedInputs) -> dict[str, Tensor]:
    """Moments of the logits over masks. A pass draws them for some copies of the batch, if masks are not shared."""
    moments = {"dropout.probability": torch.tensor([PROBABILITY]), "dropout.draws": torch.tensor([float(DRAWS)])}
    for key in subject.dropout_keys:
        model = build(subject, subject.config | {key: PROBABILITY})
        model.load_state_dict(weights, strict=False)
        model.double().train()
        torch.manual_seed(2026)
        (batch,) = subject.batches(inputs)
        count = 1 if subject.shares_masks else COPIES
        copies = {name: tensor.repeat(count, 1) for name, tensor in batch.items()}
        with torch.no_grad():
            logits = torch.cat([model(**copies).logits.reshape(count, -1) for _ in range(DRAWS // count)])
        centred = logits - logits.mean(dim=0)
        columns = (logits.mean(dim=0), (centred**2).mean(dim=0), (centred**4).mean(dim=0))
        moments[f"dropout.{key}"] = torch.stack(columns, dim=1)
    return moments


def make(subject: Subject, folder: Path) -> None:
    generator = torch.Generator().manual_seed(20260328)
    model = build(subject, subject.config)
    weights = random_weights(model, generator)
    model.load_state_dict(weights, strict=False)
    model = model.double().eval()

    padding = subject.padding or 0
    inputs = random_inputs(subject.lengths, (padding + 1, subject.config["vocab_size"]), generator)
    if subject.config.get("type_vocab_size", 0) < 2:
        inputs.type_ids.zero_()
    logits = subject.logits(model, inputs)
    loss = torch.nn.functional.cross_entropy(logits, LABELS)
    loss.backward()
    expected = {"logits": logits.detach(), "loss": loss.detach().reshape(1)}
    expected |= {f"grad.{name}": parameter.grad.detach() for name, parameter in model.named_parameters()}
    expected |= fisher(subject, model, inputs)
    expected["depth"] = depth(subject, model, inputs)
    if subject.dropout_keys:
        expected |= dropout(subject, weights, inputs)

    spelled = PackedInputs(inputs.input_ids.clone(), inputs.type_ids, inputs.offsets)
    spelled.input_ids[list(subject.spelled)] = padding
    with torch.no_grad():
        expected["padded.logits"] = subject.logits(model, spelled)

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(subject.config, indent=2) + "\n")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    tensors = inputs.tensors() | {"labels": LABELS, "padded.input_ids": spelled.input_ids} | to_float32(expected)
    made_by = f"{Path(__file__).name}, torch {torch.__version__}, transformers {transformers.__version__}"
    save_file(tensors, folder / "expected.safetensors", metadata={"made_by": made_by})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output", type=Path, default=Path(__file__).parent)
    parser.add_argument("--only", choices=tuple(MODELS))
    arguments = parser.parse_args()
    for name, subject in MODELS.items():
        if arguments.only in (None, name):
            make(subject, arguments.output / name)


if __name__ == "__main__":
    main()
