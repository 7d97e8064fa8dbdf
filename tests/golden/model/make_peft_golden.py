"""Make the golden files of added tensors with Hugging Face's peft.

Writes beside this script, unless --output names another folder, for each FOLDER of MODELS, FOLDER/peft.safetensors:

    lora.NAME, ia3.NAME            random numbers of the tensors that peft adds, under this project's names
    METHOD.logits, METHOD.loss     of the model of make_architecture_golden.py with them, and its inputs
    METHOD.grad.NAME               the gradients of the added tensors and of the head

LoRA is on all six linear layers of each encoder layer, IA3 on keys, values and the feed-forward network's inner
activation. Targets are regular expressions with the names in full: peft's default list for IA3 holds `output.dense`,
which `attention.output.dense` ends in too. peft trains DeBERTa's new pooler only if `modules_to_save` names it
(peft#2171).

peft adds one pair of matrices to GPT-2's joined c_attn. Three pairs, of queries, keys and values, are the same as one
of three times the rank whose B is block diagonal; likewise peft's IA3 vector of c_attn has ones for the queries.

Float64 from stored float32 weights, dropout off.

    python make_peft_golden.py [--output FOLDER]
"""

from collections.abc import Iterator
from pathlib import Path

import peft
import torch
from added_goldens import read_model, write_goldens
from architecture_subjects import Subject
from torch import Tensor
from torch.nn import Module

RANK, ALPHA = 2, 3
PARTS = ("query", "key", "value")
ATTENTION_OUTPUT, INTERMEDIATE, OUTPUT = "attention.output.dense", "intermediate.dense", "output.dense"
BERT = [f"attention.self.{part}" for part in PARTS]
# Of each encoder layer: query, key and value (or what computes them), attention output, intermediate, output.
LAYERS = {
    "roberta": [*BERT, ATTENTION_OUTPUT, INTERMEDIATE, OUTPUT],
    "electra": [*BERT, ATTENTION_OUTPUT, INTERMEDIATE, OUTPUT],
    "distilbert": [
        *(f"attention.{letter}_lin" for letter in "qkv"),
        "attention.out_lin",
        "ffn.lin1",
        "ffn.lin2",
    ],
    "deberta-v2": [*(f"{name}_proj" for name in BERT), ATTENTION_OUTPUT, INTERMEDIATE, OUTPUT],
    "gpt2": ["attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj"],
}
HEADS = {
    "roberta": ["classifier"],
    "electra": ["classifier"],
    "distilbert": ["pre_classifier", "classifier"],
    "deberta-v2": ["pooler", "classifier"],
    "gpt2": ["score"],
}


def pattern(layers: list[str]) -> str:
    names = "|".join(layer.replace(".", r"\.") for layer in layers)
    return rf".*\.(layer|h)\.\d+\.({names})"


def lora(model_type: str) -> peft.LoraConfig:
    joined = {pattern(["attn.c_attn"]): 3 * RANK} if model_type == "gpt2" else {}
    return peft.LoraConfig(
        r=RANK,
        lora_alpha=ALPHA,
        rank_pattern=joined,
        alpha_pattern={name: 3 * ALPHA for name in joined},
        target_modules=pattern(LAYERS[model_type]),
        modules_to_save=HEADS[model_type],
        fan_in_fan_out=model_type == "gpt2",
    )


def ia3(model_type: str) -> peft.IA3Config:
    layers = LAYERS[model_type]
    scaled = layers[:1] if model_type == "gpt2" else layers[1:3]
    return peft.IA3Config(
        target_modules=pattern([*scaled, layers[-1]]),
        feedforward_modules=pattern(layers[-1:]),
        modules_to_save=HEADS[model_type],
        fan_in_fan_out=model_type == "gpt2",
    )


def own_name(name: str) -> str:
    """peft's name without what it puts around the model's."""
    for piece in ("base_model.model.", ".modules_to_save", ".default"):
        name = name.replace(piece, "")
    return name


def joined_parts(name: str, tensor: Tensor) -> Iterator[tuple[str, Tensor]]:
    """The blocks of queries, keys and values of a tensor of c_attn; a vector has none of queries."""
    for number, part in enumerate(PARTS):
        rows = tensor.chunk(3, dim=0)[number]
        of_part = name.replace("c_attn", f"c_attn.{part}")
        if name.endswith("lora_B.weight"):
            yield of_part, rows.chunk(3, dim=1)[number]
        elif part != "query" or not name.endswith("ia3_l"):
            yield of_part, rows


def own_tensors(name: str, tensor: Tensor) -> Iterator[tuple[str, Tensor]]:
    name = own_name(name)
    if name.endswith("ia3_l"):
        tensor = tensor.flatten()
    if "c_attn" in name:
        yield from joined_parts(name, tensor)
    else:
        yield name, tensor


def randomize(name: str, parameter: Tensor, generator: torch.Generator) -> None:
    values = torch.randn(parameter.shape, generator=generator) * 0.3
    if name.endswith("ia3_l.default"):
        values += 1
        if "c_attn" in name:
            values.chunk(3)[0].fill_(1.0)
    elif "c_attn.lora_B" in name:
        blocks = zip(values.chunk(3, dim=0), range(3), strict=True)
        values = torch.cat([torch.cat([b * (i == j) for j, b in enumerate(rows.chunk(3, 1))], 1) for rows, i in blocks])
    parameter.data.copy_(values)


def measure(subject: Subject, folder: Path, method: str) -> dict[str, Tensor]:
    model, inputs, expected = read_model(subject, folder)
    config = {"lora": lora, "ia3": ia3}[method](subject.config["model_type"])
    with_added: Module = peft.get_peft_model(model, config).double().eval()
    generator = torch.Generator().manual_seed(2021)
    trained = {name: p for name, p in with_added.named_parameters() if p.requires_grad}
    added = {name: p for name, p in trained.items() if "lora_" in name or "ia3_" in name}
    for name, parameter in added.items():
        randomize(name, parameter, generator)
    logits = subject.logits(with_added, inputs)
    loss = torch.nn.functional.cross_entropy(logits, expected["labels"])
    loss.backward()
    tensors = {f"{method}.logits": logits.detach(), f"{method}.loss": loss.detach().reshape(1)}
    for name, parameter in trained.items():
        tensors |= {f"{method}.grad.{own}": part for own, part in own_tensors(name, parameter.grad)}
    for name, parameter in added.items():
        tensors |= {f"{method}.{own}": part for own, part in own_tensors(name, parameter.detach())}
    return tensors


def main() -> None:
    write_goldens(
        __file__,
        __doc__,
        peft,
        lambda subject, folder: measure(subject, folder, "lora") | measure(subject, folder, "ia3"),
    )


if __name__ == "__main__":
    main()
