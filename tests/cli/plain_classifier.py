"""A sequence classifier of a Hugging Face folder, BERT's or RoBERTa's, by numpy in float64, one text at a time."""

import json
import math
import struct

import numpy as np

erf = np.vectorize(math.erf)


def read_safetensors(path):
    """The tensors of a file, and its metadata."""
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        tensors[name] = np.frombuffer(content[begin:end], {"F32": "<f4"}[entry["dtype"]]).reshape(entry["shape"])
    return tensors, metadata


class PlainClassifier:
    def __init__(self, folder):
        self.config = json.loads((folder / "config.json").read_text())
        tensors, _ = read_safetensors(folder / "model.safetensors")
        self.tensors = {name: tensor.astype(np.float64) for name, tensor in tensors.items()}
        self.prefix = self.config["model_type"] + "."

    def linear(self, name, x):
        return x @ self.tensors[name + ".weight"].T + self.tensors[name + ".bias"]

    def layer_norm(self, name, x):
        centered = x - x.mean(-1, keepdims=True)
        scaled = centered / np.sqrt((centered**2).mean(-1, keepdims=True) + self.config["layer_norm_eps"])
        return scaled * self.tensors[name + ".weight"] + self.tensors[name + ".bias"]

    def attention(self, name, x):
        heads = self.config["num_attention_heads"]
        query, key, value = (
            self.linear(name + part, x).reshape(len(x), heads, -1).swapaxes(0, 1) for part in ("query", "key", "value")
        )
        scores = query @ key.swapaxes(1, 2) / np.sqrt(query.shape[-1])
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        weights /= weights.sum(-1, keepdims=True)
        return (weights @ value).swapaxes(0, 1).reshape(len(x), -1)

    def hidden_states(self, ids, types):
        embeddings = self.prefix + "embeddings."
        first_position = self.config["pad_token_id"] + 1 if self.prefix == "roberta." else 0
        x = (
            self.tensors[embeddings + "word_embeddings.weight"][ids]
            + self.tensors[embeddings + "position_embeddings.weight"][first_position + np.arange(len(ids))]
            + self.tensors[embeddings + "token_type_embeddings.weight"][types]
        )
        x = self.layer_norm(embeddings + "LayerNorm", x)
        for number in range(self.config["num_hidden_layers"]):
            layer = f"{self.prefix}encoder.layer.{number}."
            attended = self.linear(layer + "attention.output.dense", self.attention(layer + "attention.self.", x))
            x = self.layer_norm(layer + "attention.output.LayerNorm", attended + x)
            inner = self.linear(layer + "intermediate.dense", x)
            inner *= (1 + erf(inner / np.sqrt(2))) / 2
            x = self.layer_norm(layer + "output.LayerNorm", self.linear(layer + "output.dense", inner) + x)
        return x

    def logits(self, ids, types):
        first = self.hidden_states(ids, types)[0]
        if self.prefix == "roberta.":
            return self.linear("classifier.out_proj", np.tanh(self.linear("classifier.dense", first)))
        return self.linear("classifier", np.tanh(self.linear("bert.pooler.dense", first)))
