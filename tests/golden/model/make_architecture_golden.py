"""Make the golden files of the architectures beside BERT with Hugging Face transformers.

Writes beside this script, unless --output names another folder, for each FOLDER of MODELS:

    FOLDER/config.json, FOLDER/model.safetensors
        A random two-layer classifier with three labels, of a configuration that sets what its architecture can set.
    FOLDER/expected.safetensors
        Packed inputs, logits, loss and every gradient of that model (mean cross-entropy). Under `padded.`, inputs in
        which texts hold the padding token, and their logits. The diagonal Fisher information of every tensor,
        `fisher.NAME`, exact over the labels, and `depth`, sums of squares as fisher_reference.py has them, of the given
        labels.

Conventions are those of make_model_golden.py: packed batches, float64 from stored float32 weights, dropout off.

    python make_architecture_golden.py [--output FOLDER] [--only FOLDER]
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
import transformers
from make_model_golden import PackedInputs, pad, random_inputs, to_float32
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import Module

LABELS = torch.tensor([2, 0, 1, 0])
SPELLED = [2, 9, 15, 16]  # the tokens of the batch that are padding in `padded.`


@dataclass(frozen=True)
class Subject:
    """A model that is measured."""

    classifier: str  # transformers' class
    config: dict
    lengths: tuple[int, ...]
    # What stands for the hidden states, the branches of attention and those of feed-forward.
    depth_modules: Callable[[Module], list[list[Module]]]
    spelled: tuple[int, ...] = tuple(SPELLED)

    @property
    def padding(self) -> int | None:
        return self.config.get("pad_token_id")

    def batches(self, inputs: PackedInputs) -> list[dict[str, Tensor]]:
        """As transformers takes them; what pads them is not attended to. Without a padding token, one by one."""
        if self.padding is None:
            bounds = zip(inputs.offsets.tolist(), inputs.offsets.tolist()[1:], strict=False)
            return [{"input_ids": inputs.input_ids[first:end][None]} for first, end in bounds]
        padded = pad(inputs)
        padded["input_ids"][padded["attention_mask"] == 0] = self.padding
        if self.config.get("type_vocab_size", 0) == 0:
            del padded["token_type_ids"]
        return [padded]

    def logits(self, model: Module, inputs: PackedInputs) -> Tensor:
        return torch.cat([model(**batch).logits for batch in self.batches(inputs)])  # [B, labels] float64


ROBERTA = {
    "architectures": ["RobertaForSequenceClassification"],
    "attention_probs_dropout_prob": 0.0,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.0,
    "hidden_size": 16,
    "initializer_range": 0.3,
    "intermediate_size": 24,
    "layer_norm_eps": 1e-5,
    "max_position_embeddings": 34,
    "model_type": "roberta",
    "num_attention_heads": 2,
    "num_hidden_layers": 2,
    "pad_token_id": 1,
    "type_vocab_size": 1,
    "vocab_size": 90,
}
ELECTRA = {
    "architectures": ["ElectraForPreTraining"],
    "attention_probs_dropout_prob": 0.0,
    "embedding_size": 12,
    "hidden_act": "relu",  # not that of the head
    "hidden_dropout_prob": 0.0,
    "hidden_size": 16,
    "initializer_range": 0.3,
    "intermediate_size": 24,
    "layer_norm_eps": 1e-5,
    "max_position_embeddings": 48,
    "model_type": "electra",
    "num_attention_heads": 2,
    "num_hidden_layers": 2,
    "pad_token_id": 0,
    "type_vocab_size": 2,
    "vocab_size": 120,
}
DISTILBERT = {
    "activation": "gelu",
    "architectures": ["DistilBertForMaskedLM"],
    "attention_dropout": 0.0,
    "dim": 16,
    "dropout": 0.0,
    "hidden_dim": 24,
    "initializer_range": 0.3,
    "max_position_embeddings": 48,
    "model_type": "distilbert",
    "n_heads": 2,
    "n_layers": 2,
    "pad_token_id": 0,
    "seq_classif_dropout": 0.0,
    "vocab_size": 120,
}
GPT2 = {
    "activation_function": "gelu_new",
    "architectures": ["GPT2LMHeadModel"],
    "attn_pdrop": 0.0,
    "embd_pdrop": 0.0,
    "initializer_range": 0.3,
    "layer_norm_epsilon": 1e-5,
    "model_type": "gpt2",
    "n_embd": 16,
    "n_head": 2,
    "n_layer": 2,
    "n_positions": 48,
    "pad_token_id": 0,
    "resid_pdrop": 0.0,
    "vocab_size": 120,
}


def depth_of_bert(encoder: Callable[[Module], Module], embeddings: str) -> Callable[[Module], list[list[Module]]]:
    def modules(model: Module) -> list[list[Module]]:
        layers = list(encoder(model).encoder.layer)
        attention = [layer.attention.output.dense for layer in layers]
        return [[getattr(encoder(model), embeddings), *layers], attention, [layer.output.dense for layer in layers]]

    return modules


def depth_of_distilbert(model: Module) -> list[list[Module]]:
    layers = list(model.distilbert.transformer.layer)
    hidden = [model.distilbert.embeddings, *layers]
    return [hidden, [layer.attention.out_lin for layer in layers], [layer.ffn.lin2 for layer in layers]]


def depth_of_gpt2(model: Module) -> list[list[Module]]:
    layers = list(model.transformer.h)
    hidden = [model.transformer.drop, *layers]
    return [hidden, [layer.attn.c_proj for layer in layers], [layer.mlp.c_proj for layer in layers]]


LENGTHS = (7, 3, 40, 12)
MODELS = {
    "roberta": Subject(
        "RobertaForSequenceClassification",
        ROBERTA,
        (7, 3, 30, 12),
        depth_of_bert(lambda model: model.roberta, "embeddings"),
    ),
    "electra": Subject(
        "ElectraForSequenceClassification",
        ELECTRA,
        LENGTHS,
        depth_of_bert(lambda model: model.electra, "embeddings_project"),
    ),
    "electra-square": Subject(
        "ElectraForSequenceClassification",
        ELECTRA | {"embedding_size": 16, "hidden_act": "gelu"},
        LENGTHS,
        depth_of_bert(lambda model: model.electra, "embeddings"),
    ),
    "distilbert": Subject("DistilBertForSequenceClassification", DISTILBERT, LENGTHS, depth_of_distilbert),
    # Texts end in padding: the first in one, the second has nothing else, the last in several.
    "gpt2": Subject(
        "GPT2ForSequenceClassification",
        GPT2,
        LENGTHS,
        depth_of_gpt2,
        spelled=(2, 6, 7, 8, 9, 30, 59, 60, 61),
    ),
    "gpt2-switches": Subject(
        "GPT2ForSequenceClassification",
        GPT2
        | {
            "activation_function": "relu",
            "n_inner": 24,
            "pad_token_id": None,
            "scale_attn_by_inverse_layer_idx": True,
            "scale_attn_weights": False,
        },
        LENGTHS,
        depth_of_gpt2,
    ),
}


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


def make(subject: Subject, folder: Path) -> None:
    generator = torch.Generator().manual_seed(20260328)
    classifier = getattr(transformers, subject.classifier)
    model = classifier(classifier.config_class(**subject.config, num_labels=3, attn_implementation="eager"))
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
