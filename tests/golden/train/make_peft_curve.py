"""Make peft_curve.json: 30 training steps of the tiny model with LoRA and IA3 of Hugging Face's peft.

Model, examples, hyper-parameters and conventions are those of make_training_curve.py. `initial` has the numbers of A
that the steps start from, by this project's names; B starts from zeros and IA3's vectors from ones. Weight decay
applies to A and B and, unlike in transformers' Trainer, not to IA3's vectors, which it would draw to zero: a choice of
this project.

    python make_peft_curve.py [--model FOLDER] [--output FILE]
"""

import argparse
import json
from functools import partial
from pathlib import Path

import make_training_curve as curve
import peft
import torch
from torch.nn import Module
from transformers import BertConfig

LAYER = r".*\.layer\.\d+\."
METHODS = {
    "lora:rank=4,alpha=8": (
        3e-3,
        peft.LoraConfig(
            r=4, lora_alpha=8, target_modules=LAYER + r"attention\.self\.(query|value)", modules_to_save=["classifier"]
        ),
    ),
    "ia3": (
        1e-2,
        peft.IA3Config(
            target_modules=LAYER + r"(attention\.self\.(key|value)|output\.dense)",
            feedforward_modules=LAYER + r"output\.dense",
            modules_to_save=["classifier"],
        ),
    ),
}


def own_name(name: str) -> str:
    return name.replace("base_model.model.", "").replace(".default", "")


def load(folder: Path, config: peft.PeftConfig, dtype: torch.dtype) -> Module:
    model = curve.load_model(folder, torch.float32)
    torch.manual_seed(30)
    return peft.get_peft_model(model, config).to(dtype).train()


def make_curve(folder: Path, method: str, examples: list[curve.Example]) -> dict[str, object]:
    rate, config = METHODS[method]
    curve.LEARNING_RATES[method] = rate
    own_load = partial(load, folder, config)
    initial = {
        own_name(name): parameter.flatten().tolist()
        for name, parameter in own_load(torch.float32).named_parameters()
        if "lora_A" in name
    }
    return curve.make_curve(own_load, method, examples, {"initial": initial})


def main() -> None:
    here = Path(__file__).parent
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", type=Path, default=here.parent / "model" / "tiny")
    parser.add_argument("--output", type=Path, default=here / "peft_curve.json")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    curve.trains = lambda _, name: "lora_" in name or "ia3_" in name or "modules_to_save" in name
    curve.decays = lambda name: not name.endswith("bias") and "ia3_" not in name
    examples = curve.make_examples(BertConfig.from_pretrained(arguments.model))
    curves = {method: make_curve(arguments.model, method, examples) for method in METHODS}
    arguments.output.write_text(json.dumps({"methods": curves}, indent=1) + "\n")


if __name__ == "__main__":
    main()
