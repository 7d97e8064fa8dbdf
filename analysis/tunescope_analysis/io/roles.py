"""One name for the same tensor in every architecture.

A map of a file since schema version 4 says what each tensor is, its `role`. Here such a map gets BERT's
names, which earlier files have anyway: so GPT-2's `ln_2` is `attention.output.LayerNorm`, and its `ln_1` of
layer 0, which normalizes the embeddings, is another component than those of the layers after it.
"""

import numpy as np
import xarray as xr


def _both(role: str, module: str) -> dict[str, str]:
    return {f"{role}.{part}": f"{module}.{part}" for part in ("weight", "bias")}


NAMES = {  # by role, in the order of a forward pass
    "embeddings.word": "word_embeddings.weight",
    "embeddings.position": "position_embeddings.weight",
    "embeddings.token_type": "token_type_embeddings.weight",
    "embeddings.relative": "relative_embeddings.weight",
    **_both("norm.after_embeddings", "LayerNorm"),
    **_both("embeddings.projection", "embeddings_projection"),
    **_both("query", "attention.self.query"),
    "key.weight": "attention.self.key.weight",
    "key.bias.no_gradient": "attention.self.key.bias",
    "key.bias": "attention.self.key.bias.with_gradient",  # BERT's has none
    **_both("value", "attention.self.value"),
    **_both("query_key_value", "attention.self.query_key_value"),
    **_both("position_query", "attention.self.position_query"),
    "position_key.weight": "attention.self.position_key.weight",
    "position_key.bias.no_gradient": "attention.self.position_key.bias",
    **_both("attention_output", "attention.output.dense"),
    **_both("norm.after_attention", "attention.output.LayerNorm"),
    **_both("intermediate", "intermediate.dense"),
    **_both("output", "output.dense"),
    **_both("norm.after_feed_forward", "output.LayerNorm"),
}

BEHIND = {  # names without a role of their own, by what they follow in a forward pass
    "relative_embeddings.weight": ["relative.LayerNorm.weight", "relative.LayerNorm.bias"],
    "output.LayerNorm.bias": ["dense.weight", "dense.bias"],
}
FORWARD_ORDER = [name for known in NAMES.values() for name in (known, *BEHIND.get(known, ()))]


def component_of(role: str, component: str, layer: str) -> str:
    """The name of a tensor with a role; `component` if the role is none of BERT's kind."""
    kind, _, part = role.rpartition(".")
    return f"{layer}.LayerNorm.{part}" if kind == "norm.other" else NAMES.get(role, component)


def name_by_role(maps: xr.Dataset) -> xr.Dataset:
    """The maps of a file under `component_of`; without roles, or so named already, they stay as they are.

    Nothing is read but sizes and roles.
    """
    if "role" not in maps:
        return maps
    components = [str(name) for name in maps["component"].values]
    names = _names(maps["role"].values, components, maps["layer"].values)
    maps = maps.drop_vars("role")
    if all(name in ("", own) for row in names for name, own in zip(row, components, strict=True)):
        return maps
    labels = _in_forward_order(names)
    sizes = maps["size"].load()
    place = xr.Variable(("layer", "new"), _places(names, labels, sizes.values))
    row = xr.Variable(("layer", "new"), np.broadcast_to(np.arange(len(names))[:, None], place.shape))
    variables = {
        str(name): _taken(values.variable, row, place) if "component" in values.dims else values.variable
        for name, values in maps.data_vars.items()
    }
    coordinates = {name: values.variable for name, values in maps.coords.items() if name != "component"}
    return xr.Dataset(variables, {**coordinates, "component": labels}, maps.attrs)


def is_pre_norm(size: xr.DataArray) -> bool:
    """Whether blocks begin with a LayerNorm, as in GPT-2: then the first layer normalizes the embeddings."""
    if "LayerNorm.weight" not in size["component"] or "0" not in size["layer"]:
        return False
    return bool(size.sel(layer="0", component="LayerNorm.weight") > 0)


def _names(roles: np.ndarray, components: list[str], layers: np.ndarray) -> list[list[str]]:
    """The name of each cell `[layer, component]`, empty without a tensor."""
    return [
        [
            component_of(role, name, str(layer)) if role else ""
            for role, name in zip(row, components, strict=True)
        ]
        for row, layer in zip(roles, layers, strict=True)
    ]


def _in_forward_order(names: list[list[str]]) -> list[str]:
    """Each name once: those of `FORWARD_ORDER`, then the others in the file's order."""
    found = dict.fromkeys(name for column in zip(*names, strict=True) for name in column if name)
    known = [name for name in FORWARD_ORDER if name in found]
    return known + [name for name in found if name not in known]


def _places(names: list[list[str]], labels: list[str], sizes: np.ndarray) -> np.ndarray:
    """Where each cell `[layer, label]` stands along the old axis; without a tensor, at one without."""
    places = np.empty((len(names), len(labels)), dtype=np.int64)
    for row, own in enumerate(names):
        nowhere = int(np.argmin(sizes[row]))
        places[row] = [own.index(label) if label in own else nowhere for label in labels]
    return places


def _taken(values: xr.Variable, row: xr.Variable, place: xr.Variable) -> xr.Variable:
    """The cells in their new places, read when they are needed."""
    taken = xr.DataArray(values.isel(layer=row, component=place)).rename(new="component")
    return taken.transpose(*values.dims).variable
