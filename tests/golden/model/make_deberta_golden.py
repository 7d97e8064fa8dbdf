"""Make the golden files of DeBERTa-v2's switches with Hugging Face transformers.

Writes beside this script, unless --output names another folder:

    deberta-variants/config.json, deberta-variants/variants.json
        A configuration of the kind of DeBERTa-v3, and changes of it by VARIANT.
    deberta-variants/variants.safetensors
        Packed examples and their labels. Of a random two-layer classifier of each VARIANT with three labels, under
        `VARIANT.`, weights, logits, loss and every gradient (mean cross-entropy) for these examples.
    deberta-variants/distances.json
        Rows of the table of relative embeddings, by position_buckets and max_relative_positions.

Conventions are those of make_model_golden.py: packed batches, float64 from stored float32 weights, dropout off. Logits
and loss are stored in float64.

    python make_deberta_golden.py [--output FOLDER]
"""

import argparse
import json
from pathlib import Path

import torch
import transformers
from make_model_golden import PackedInputs, pad, random_inputs, to_float32
from safetensors.torch import save_file
from torch import Tensor
from transformers import DebertaV2Config, DebertaV2ForSequenceClassification
from transformers.models.deberta_v2.modeling_deberta_v2 import make_log_bucket_position

LENGTHS = (5, 1, 20, 9, 3)
LABELS = (2, 0, 1, 0, 1)
CONFIG = {
    "architectures": ["DebertaV2ForSequenceClassification"],
    "attention_probs_dropout_prob": 0.0,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.0,
    "hidden_size": 8,
    "initializer_range": 0.3,
    "intermediate_size": 12,
    "layer_norm_eps": 1e-7,
    "max_position_embeddings": 24,
    "max_relative_positions": -1,
    "model_type": "deberta-v2",
    "norm_rel_ebd": "layer_norm",
    "num_attention_heads": 2,
    "num_hidden_layers": 2,
    "pad_token_id": 0,
    "pooler_dropout": 0,
    "pooler_hidden_act": "gelu",
    "pooler_hidden_size": 8,
    "pos_att_type": "p2c|c2p",
    "position_biased_input": False,
    "position_buckets": 8,
    "relative_attention": True,
    "share_att_key": True,
    "type_vocab_size": 0,
    "vocab_size": 32,
}
VARIANTS = {
    "v3": {},
    "own_projections": {"share_att_key": False},
    "c2p": {"share_att_key": False, "pos_att_type": ["c2p"]},
    "p2c": {"pos_att_type": "P2C"},
    "p2p_ignored": {"pos_att_type": ["c2p", "p2p"]},
    "no_terms": {"pos_att_type": None},
    "no_buckets": {"position_buckets": -1, "max_relative_positions": 6},
    "beyond_the_buckets": {"max_relative_positions": 12},
    "skipped_buckets": {"position_buckets": 16, "max_relative_positions": 12},
    "not_normalized": {"norm_rel_ebd": "none", "share_att_key": False},
    "absolute": {"position_biased_input": True, "type_vocab_size": 2},
    "only_absolute": {"relative_attention": False, "position_biased_input": True, "norm_rel_ebd": "none"},
    "narrow_embeddings": {"embedding_size": 6, "position_biased_input": True, "type_vocab_size": 2},
    "wide_embeddings": {"embedding_size": 10},
    "convolution": {"conv_kernel_size": 3, "conv_act": "gelu"},
    "grouped_convolution": {"conv_kernel_size": 5, "conv_groups": 2},
    "activations": {"hidden_act": "gelu_new", "pooler_hidden_act": "tanh"},
}
BUCKETS = ((256, 512), (32, 128), (8, 24), (16, 12), (-1, 6))


def build(changed: dict, weights: dict[str, Tensor] | None = None) -> torch.nn.Module:
    config = DebertaV2Config(**CONFIG | changed, num_labels=3, attn_implementation="eager")
    model = DebertaV2ForSequenceClassification(config)
    if weights is not None:
        model.load_state_dict(weights)
    return model.double().eval()


def random_weights(model: torch.nn.Module, generator: torch.Generator) -> dict[str, Tensor]:
    """Normal(0, 0.3) everywhere; LayerNorm weights about 1, clearly off it."""
    weights = {}
    for name, parameter in sorted(model.named_parameters()):
        values = torch.randn(parameter.shape, generator=generator) * CONFIG["initializer_range"]
        weights[name] = values + 1 if name.endswith("LayerNorm.weight") else values
    return weights


def given_gradients(model: torch.nn.Module, scalar: Tensor) -> dict[str, Tensor]:
    """d scalar / d NAME; nothing for parameters that the model has and does not use."""
    named = dict(model.named_parameters())
    gradients = torch.autograd.grad(scalar, list(named.values()), retain_graph=True, allow_unused=True)
    return {name: gradient for name, gradient in zip(named, gradients, strict=True) if gradient is not None}


def evaluate(model: torch.nn.Module, inputs: PackedInputs, labels: Tensor) -> dict[str, Tensor]:
    logits = model(**pad(inputs)).logits
    loss = torch.nn.functional.cross_entropy(logits, labels)
    gradients = to_float32({f"grad.{name}": gradient for name, gradient in given_gradients(model, loss).items()})
    return {"logits": logits.detach(), "loss": loss.detach().reshape(1)} | gradients


def distance_rows(buckets: int, most_distance: int) -> list[int]:
    """Of the distances from -2 most_distance to 2 most_distance."""
    distances = torch.arange(-2 * most_distance, 2 * most_distance + 1)
    if buckets > 0:
        distances = make_log_bucket_position(distances, buckets, most_distance).long()
    span = buckets if buckets > 0 else most_distance
    return torch.clamp(distances + span, 0, 2 * span - 1).tolist()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output", type=Path, default=Path(__file__).parent)
    folder = parser.parse_args().output / "deberta-variants"
    folder.mkdir(parents=True, exist_ok=True)
    generator = torch.Generator().manual_seed(20260329)
    made_by = f"make_deberta_golden.py, torch {torch.__version__}, transformers {transformers.__version__}"

    inputs = random_inputs(LENGTHS, (1, CONFIG["vocab_size"]), generator)
    labels = torch.tensor(LABELS)
    (folder / "config.json").write_text(json.dumps(CONFIG, indent=2) + "\n")
    variants = inputs.tensors() | {"labels": labels}
    for name, changed in VARIANTS.items():
        own = random_weights(build(changed), generator)
        results = evaluate(build(changed, own), inputs, labels)
        variants |= {f"{name}.{key}": tensor.contiguous() for key, tensor in (own | results).items()}
    (folder / "variants.json").write_text(json.dumps(VARIANTS, indent=2) + "\n")
    save_file(variants, folder / "variants.safetensors", metadata={"made_by": made_by})
    rows = [{"buckets": b, "most_distance": m, "rows": distance_rows(b, m)} for b, m in BUCKETS]
    (folder / "distances.json").write_text(json.dumps(rows) + "\n")


if __name__ == "__main__":
    main()
