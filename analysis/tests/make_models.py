"""The same invented numbers under the names of other architectures, as the program writes them.

python make_models.py gpt2 gpt2.h5        # bert, roberta, distilbert, gpt2 or deberta
"""

import sys

import numpy as np
from make_file import write_file
from make_sample import sample

# BERT's modules, what they are in every architecture, and their names in others.
ROLES = {
    "word_embeddings": "embeddings.word",
    "position_embeddings": "embeddings.position",
    "token_type_embeddings": "embeddings.token_type",
    "LayerNorm": "norm.after_embeddings",
    "attention.self.query": "query",
    "attention.self.key": "key",
    "attention.self.value": "value",
    "attention.output.dense": "attention_output",
    "attention.output.LayerNorm": "norm.after_attention",
    "intermediate.dense": "intermediate",
    "output.dense": "output",
    "output.LayerNorm": "norm.after_feed_forward",
}
DISTILBERT = {
    "attention.self.query": "attention.q_lin",
    "attention.self.key": "attention.k_lin",
    "attention.self.value": "attention.v_lin",
    "attention.output.dense": "attention.out_lin",
    "attention.output.LayerNorm": "sa_layer_norm",
    "intermediate.dense": "ffn.lin1",
    "output.dense": "ffn.lin2",
    "output.LayerNorm": "output_layer_norm",
    "dense": "pre_classifier",
}
DEBERTA = {f"attention.self.{name}": f"attention.self.{name}_proj" for name in ("query", "key", "value")}
GPT2 = {
    "word_embeddings": "wte",
    "position_embeddings": "wpe",
    "attention.self.query": "attn.c_attn",
    "attention.output.dense": "attn.c_proj",
    "attention.output.LayerNorm": "ln_2",
    "intermediate.dense": "mlp.c_fc",
    "output.dense": "mlp.c_proj",
}
GPT2_ROLES = {"query": "query_key_value"}
ABSENT_IN_GPT2 = ("token_type_embeddings", "attention.self.key", "attention.self.value", "dense")


def role_of(component, layer):
    module, part = component.rsplit(".", 1) if "." in component else ("", component)
    if layer in ("pooler", "head"):
        return f"{layer}.{component}"
    role = ROLES[module]
    if role.startswith("embeddings."):
        return role
    return f"{role}.{part}" + (".no_gradient" if (role, part) == ("key", "bias") else "")


def with_roles(content, architecture):
    """Give the content of a BERT the roles of its tensors and the name of its architecture."""
    content.roles = np.array(
        [
            [
                role_of(name, layer) if content.size[row, place] else ""
                for place, name in enumerate(content.components)
            ]
            for row, layer in enumerate(content.layers)
        ],
        dtype=object,
    )
    content.attributes["architecture"] = architecture
    return content


def rename(content, modules, gradient_of_key=False):
    """Give modules other names; tensors stay where they are."""
    content.components = [
        f"{modules.get(module, module)}.{part}" if module else part
        for module, _, part in (name.rpartition(".") for name in content.components)
    ]
    if gradient_of_key:
        content.roles[content.roles == "key.bias.no_gradient"] = "key.bias"
    return content


def as_gpt2(content):
    """Move LayerNorms to GPT-2's places: that of the embeddings to layer 0, those after feed-forward on."""
    names, layers = content.components, content.layers
    count = sum(layer.isdigit() for layer in layers)
    kept = [place for place, name in enumerate(names) if name.rsplit(".", 1)[0] not in ABSENT_IN_GPT2]
    new_names = [
        names[place] for place in kept if "LayerNorm" not in names[place] or "attention" in names[place]
    ]
    new_names = [rename_one(name) for name in new_names] + [
        f"{m}.{p}" for m in ("ln_1", "ln_f") for p in ("weight", "bias")
    ]
    new_layers = ["embeddings", *map(str, range(count)), "final", "head"]
    moves = {}  # (new layer, new name) -> (old layer, old name), role
    for layer in new_layers:
        for name in names:
            module, _, part = name.rpartition(".")
            if (
                layer == "final"
                or layer not in layers
                or module in ABSENT_IN_GPT2
                or module in ("LayerNorm", "output.LayerNorm")
            ):
                continue
            if content.size[layers.index(layer), names.index(name)]:
                role = role_of(name, layer)
                kind = role.rsplit(".", 1)[0]
                moves[layer, rename_one(name)] = (
                    (layer, name),
                    role.replace(kind, GPT2_ROLES.get(kind, kind), 1),
                )
    for part in ("weight", "bias"):
        moves["0", f"ln_1.{part}"] = ("embeddings", f"LayerNorm.{part}"), f"norm.after_embeddings.{part}"
        for number in range(count):
            target = (str(number + 1), f"ln_1.{part}") if number + 1 < count else ("final", f"ln_f.{part}")
            moves[target] = (str(number), f"output.LayerNorm.{part}"), f"norm.after_feed_forward.{part}"

    def moved(values, missing):
        result = np.full((*values.shape[:-2], len(new_layers), len(new_names)), missing, dtype=values.dtype)
        for (layer, name), ((old_layer, old_name), _) in moves.items():
            result[..., new_layers.index(layer), new_names.index(name)] = values[
                ..., layers.index(old_layer), names.index(old_name)
            ]
        return result

    roles = np.full((len(new_layers), len(new_names)), "", dtype=object)
    for (layer, name), (_, role) in moves.items():
        roles[new_layers.index(layer), new_names.index(name)] = role
    content.change = {name: moved(values, np.nan) for name, values in content.change.items()}
    content.fisher = {name: moved(values, np.nan) for name, values in content.fisher.items()}
    content.size = moved(content.size, 0)
    content.roles, content.components, content.layers = roles, new_names, new_layers
    content.attributes["architecture"] = "GPT-2"
    return content


def rename_one(name):
    module, _, part = name.rpartition(".")
    return f"{GPT2.get(module, module)}.{part}" if module else name


def model_sample(architecture, tasks=("CoLA", "MRPC", "RTE")):
    """Three tasks of a model with six layers."""
    content = sample(6, 384, 30522, 1, tasks=tasks)
    if architecture == "GPT-2":
        return as_gpt2(content)
    content = with_roles(content, architecture)
    if architecture == "DistilBERT":
        return rename(content, DISTILBERT)
    if architecture == "DeBERTa-v2":
        return rename(content, DEBERTA, gradient_of_key=True)
    return content


if __name__ == "__main__":
    write_file(sys.argv[2], model_sample(sys.argv[1]))
