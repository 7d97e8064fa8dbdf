"""Make the golden files of bottlenecks with the library adapters, which needs an earlier transformers.

Writes beside this script, unless --output names another folder, for each FOLDER of MODELS, FOLDER/adapters.safetensors:

    houlsby.NAME, pfeiffer.NAME    random numbers of the tensors that adapters adds, under this project's names
    METHOD.logits, METHOD.loss     of the model of make_architecture_golden.py with them, and its inputs
    METHOD.grad.NAME               the gradients of the added tensors, of the head and of all LayerNorms, which
                                   Pfeiffer's bottlenecks read through
    METHOD.fisher.NAME             their diagonal Fisher information, exact over the labels, from the gradient of one
                                   example and one label at a time

The bottlenecks are DoubleSeqBnConfig's, after Houlsby et al. 2019, and SeqBnConfig's, after Pfeiffer et al. 2020.

Float64 from stored float32 weights, dropout off.

    python -m venv adapters-env && adapters-env/bin/pip install adapters==1.3.0 torch==2.11.0
    adapters-env/bin/python make_adapters_golden.py [--output FOLDER]
"""

from pathlib import Path

import adapters
import torch
from added_goldens import read_model, write_goldens
from architecture_subjects import Subject
from make_architecture_golden import fisher
from torch import Tensor
from torch.nn import Module

SIZE = 4
METHODS = {"houlsby": adapters.DoubleSeqBnConfig, "pfeiffer": adapters.SeqBnConfig}
HEADS = ("classifier", "pre_classifier", "pooler", "score")
# The linear layers behind which the bottlenecks of a block are, where adapters names them otherwise.
LAYERS = {
    "distilbert": {"attention_adapters": "attention.out_lin", "output_adapters": "ffn.lin2"},
    "gpt2": {"attention_adapters": "attn.c_proj", "output_adapters": "mlp.c_proj"},
}


def add_bottlenecks(model: Module, method: str, size: int) -> None:
    adapters.init(model)
    model.add_adapter("added", config=METHODS[method](reduction_factor=model.config.hidden_size / size))
    model.set_active_adapters("added")


def own_name(name: str, model_type: str) -> str:
    """adapters' name as this project has it."""
    name = name.replace("adapter_down.0.", "adapter_down.")
    if model_type not in LAYERS:
        return name.replace(".output.adapters.added.", ".output.dense.")
    for adapters_layer, layer in LAYERS[model_type].items():
        name = name.replace(f"{adapters_layer}.adapters.added", layer)
    return name


def is_added(name: str) -> bool:
    return ".adapters.added." in name


def is_layer_norm(name: str) -> bool:
    return any(part in name.lower() for part in ("layernorm", "layer_norm", ".ln_"))


def measure(subject: Subject, folder: Path, method: str) -> dict[str, Tensor]:
    model, inputs, expected = read_model(subject, folder)
    model.double().eval()
    with torch.no_grad():
        torch.testing.assert_close(subject.logits(model, inputs).float(), expected["logits"])
    add_bottlenecks(model, method, SIZE)
    model.double().eval()
    generator = torch.Generator().manual_seed(2019)
    names = {name: own_name(name, subject.config["model_type"]) for name, _ in model.named_parameters()}
    added = {names[name]: parameter for name, parameter in model.named_parameters() if is_added(name)}
    for parameter in added.values():
        parameter.data.copy_(torch.randn(parameter.shape, generator=generator) * 0.3)
    measured = [name for name in names if is_added(name) or is_layer_norm(name) or name.startswith(HEADS)]
    for parameter in model.parameters():
        parameter.requires_grad_(True)
    logits = subject.logits(model, inputs)
    loss = torch.nn.functional.cross_entropy(logits, expected["labels"])
    loss.backward()
    tensors = {f"{method}.logits": logits.detach(), f"{method}.loss": loss.detach().reshape(1)}
    squares = fisher(subject, model, inputs)
    for name in measured:
        tensors[f"{method}.grad.{names[name]}"] = model.get_parameter(name).grad
        tensors[f"{method}.fisher.{names[name]}"] = squares[f"fisher.{name}"]
    return tensors | {f"{method}.{name}": parameter.detach() for name, parameter in added.items()}


def main() -> None:
    write_goldens(
        __file__,
        __doc__,
        adapters,
        lambda subject, folder: measure(subject, folder, "houlsby") | measure(subject, folder, "pfeiffer"),
    )


if __name__ == "__main__":
    main()
