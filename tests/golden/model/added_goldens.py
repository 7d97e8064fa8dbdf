"""What the generators of golden files of added tensors have in common, whatever library adds them."""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import torch
import transformers
from architecture_subjects import MODELS, Subject
from make_architecture_golden import build
from make_model_golden import PackedInputs, to_float32
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import Module

HERE = Path(__file__).parent


def read_model(subject: Subject, folder: Path) -> tuple[Module, PackedInputs, dict[str, Tensor]]:
    """The model of make_architecture_golden.py in a folder, its packed inputs, and what is expected of it."""
    assert json.loads((folder / "config.json").read_text()) == subject.config
    expected = load_file(folder / "expected.safetensors")
    model = build(subject, subject.config)
    model.load_state_dict(load_file(folder / "model.safetensors"), strict=False)
    return model, PackedInputs(expected["input_ids"], expected["type_ids"], expected["offsets"]), expected


def write_goldens(
    script: str, description: str, library: ModuleType, measure: Callable[[Subject, Path], dict[str, Tensor]]
) -> None:
    """Parse the command line of a script and write LIBRARY.safetensors into the folder of each model."""
    parser = argparse.ArgumentParser(description=description.partition("\n")[0])
    parser.add_argument("--output", type=Path, default=HERE)
    output = parser.parse_args().output
    made_by = f"{Path(script).name}, torch {torch.__version__}, transformers {transformers.__version__}, "
    made_by += f"{library.__name__} {library.__version__}"
    for name, subject in MODELS.items():
        tensors = to_float32(measure(subject, HERE / name))
        (output / name).mkdir(parents=True, exist_ok=True)
        save_file(tensors, output / name / f"{library.__name__}.safetensors", metadata={"made_by": made_by})
