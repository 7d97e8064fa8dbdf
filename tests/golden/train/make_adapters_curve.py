"""Make adapters_curve.json: 30 training steps of the tiny model with the bottlenecks of the library adapters.

Model, examples, hyper-parameters and conventions are those of make_training_curve.py; make_adapters_golden.py says what
it runs in. `initial` has the numbers of the matrices that the steps start from, by this project's names; biases start
from zeros. Weight decay applies to the matrices, as in transformers' Trainer.

    python make_adapters_curve.py [--model FOLDER] [--output FILE]
"""

import argparse
import json
import sys
from functools import partial
from pathlib import Path

import make_training_curve as curve
import torch
from torch.nn import Module
from transformers import BertConfig

sys.path.append(str(Path(__file__).parent.parent / "model"))

from make_adapters_golden import add_bottlenecks, is_added, own_name  # noqa: E402

SIZE = 8
# The learning rate, adapters' method, and whether LayerNorms train too.
METHODS = {
    "adapter:size=8": (3e-3, "houlsby", False),
    "adapter:placement=pfeiffer,size=8": (3e-3, "pfeiffer", False),
    "adapter:placement=pfeiffer,size=8+layernorm": (1e-3, "pfeiffer", True),
}


def load(folder: Path, method: str, dtype: torch.dtype) -> Module:
    model = curve.load_model(folder, torch.float32)
    torch.manual_seed(30)
    add_bottlenecks(model, method, SIZE)
    return model.to(dtype).train()


def make_curve(folder: Path, name: str, examples: list[curve.Example]) -> dict[str, object]:
    rate, method, trains_layer_norm = METHODS[name]
    curve.LEARNING_RATES[name] = rate
    curve.trains = lambda _, tensor: (
        is_added(tensor) or tensor.startswith("classifier.") or (trains_layer_norm and "LayerNorm" in tensor)
    )
    own_load = partial(load, folder, method)
    initial = {
        own_name(tensor, "bert"): parameter.flatten().tolist()
        for tensor, parameter in own_load(torch.float32).named_parameters()
        if is_added(tensor) and parameter.dim() == 2
    }
    return curve.make_curve(own_load, name, examples, {"initial": initial})


def main() -> None:
    here = Path(__file__).parent
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", type=Path, default=here.parent / "model" / "tiny")
    parser.add_argument("--output", type=Path, default=here / "adapters_curve.json")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    examples = curve.make_examples(BertConfig.from_pretrained(arguments.model))
    curves = {name: make_curve(arguments.model, name, examples) for name in METHODS}
    arguments.output.write_text(json.dumps({"methods": curves}, indent=1) + "\n")


if __name__ == "__main__":
    main()
