"""Make the golden files of RoBERTa's forward and backward pass with Hugging Face transformers.

Writes beside this script, unless --output names another folder:

    roberta/config.json, roberta/model.safetensors
        A random two-layer RobertaForSequenceClassification with three labels.
    roberta/expected.safetensors
        Packed inputs, logits, loss and every gradient of that model (mean cross-entropy). Under `padded.`,
        inputs in which a text holds the padding token, and their logits.

Conventions are those of make_model_golden.py: packed batches, float64 from stored float32 weights, dropout off.

    python make_roberta_golden.py [--output FOLDER]
"""

import argparse
import json
from pathlib import Path

import torch
import transformers
from make_model_golden import PackedInputs, pad, random_inputs, to_float32
from safetensors.torch import save_file
from torch import Tensor
from transformers import RobertaConfig, RobertaForSequenceClassification

LENGTHS = (7, 3, 30, 12)
PADDING = 1
CONFIG = {
    "architectures": ["RobertaForSequenceClassification"],
    "attention_probs_dropout_prob": 0.0,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.0,
    "hidden_size": 32,
    "initializer_range": 0.3,
    "intermediate_size": 64,
    "layer_norm_eps": 1e-5,
    "max_position_embeddings": 34,
    "model_type": "roberta",
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "pad_token_id": PADDING,
    "type_vocab_size": 1,
    "vocab_size": 90,
}


def random_weights(model: torch.nn.Module, generator: torch.Generator) -> dict[str, Tensor]:
    """Normal(0, 0.3) everywhere; LayerNorm weights about 1, clearly off it."""
    weights = {}
    for name, parameter in sorted(model.named_parameters()):
        values = torch.randn(parameter.shape, generator=generator) * CONFIG["initializer_range"]
        weights[name] = values + 1 if name.endswith("LayerNorm.weight") else values
    return weights


def logits_of(model: torch.nn.Module, inputs: PackedInputs) -> Tensor:
    """[B, labels] float64. What pads the batch is not attended to, and its positions are the padding token's."""
    padded = pad(inputs)
    padded["input_ids"][padded["attention_mask"] == 0] = PADDING
    return model(**padded).logits


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output", type=Path, default=Path(__file__).parent)
    folder = parser.parse_args().output / "roberta"
    generator = torch.Generator().manual_seed(20260328)
    model = RobertaForSequenceClassification(RobertaConfig(**CONFIG, num_labels=3, attn_implementation="eager"))
    weights = random_weights(model, generator)
    model.load_state_dict(weights, strict=False)
    model = model.double().eval()

    inputs = random_inputs(LENGTHS, (PADDING + 1, CONFIG["vocab_size"]), generator)
    inputs.type_ids.zero_()
    labels = torch.tensor([2, 0, 1, 0])
    logits = logits_of(model, inputs)
    loss = torch.nn.functional.cross_entropy(logits, labels)
    loss.backward()
    expected = {"logits": logits.detach(), "loss": loss.detach().reshape(1)}
    expected |= {f"grad.{name}": parameter.grad.detach() for name, parameter in model.named_parameters()}

    spelled = PackedInputs(inputs.input_ids.clone(), inputs.type_ids, inputs.offsets)
    spelled.input_ids[[2, 9, 15, 16]] = PADDING
    with torch.no_grad():
        expected["padded.logits"] = logits_of(model, spelled)

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(CONFIG, indent=2) + "\n")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    tensors = inputs.tensors() | {"labels": labels, "padded.input_ids": spelled.input_ids} | to_float32(expected)
    made_by = f"make_roberta_golden.py, torch {torch.__version__}, transformers {transformers.__version__}"
    save_file(tensors, folder / "expected.safetensors", metadata={"made_by": made_by})


if __name__ == "__main__":
    main()
