"""The tensors that methods such as `lora` and `ia3` add to linear layers, and the layer that each is of."""

import re

import pandas as pd
import xarray as xr

from tunescope_analysis.io.results import Results

KINDS = {
    "lora_A.weight": "A",
    "lora_B.weight": "B",
    "ia3_l": "vector",
    "adapter_down.weight": "D",
    "adapter_down.bias": "d",
    "adapter_up.weight": "U",
    "adapter_up.bias": "u",
}
# Those that begin with zeros, each with the random matrix of the same addition.
MATRIX_OF = {"B": "A", "d": "D", "u": "U"}
# Those that can be merged into the weight of their layer.
MERGED_KINDS = ("A", "B", "vector")
NAME = re.compile(rf"\.(\d+)\.(.+)\.({'|'.join(map(re.escape, KINDS))})$")
COLUMNS = ["id", "layer", "target", "weight", "kind", "size"]


def added_frame(results: Results, group: str, measures: list[str]) -> pd.DataFrame:
    """A row per entry of `/added_change` or `/added_fisher` and added tensor, with a column per measure.

    `target` is the linear layer under its name in maps, `weight` the component of the maps that its weight
    is in: in GPT-2 queries, keys and values share one. `kind` is one of `KINDS`; tensors of other kinds are
    left out.
    """
    frames = [_of_entry(results, group, entry, measures) for entry in results.members(group)]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=[*COLUMNS, *measures])


def _of_entry(results: Results, group: str, entry: str, measures: list[str]) -> pd.DataFrame:
    table: xr.Dataset = results.dataset(f"{group}/{entry}")
    rows, places = [], []
    for place, tensor in enumerate(table["tensor"].values):
        found = NAME.search(str(tensor))
        if found is None:
            continue
        layer, module, ending = found.groups()
        target, weight = _named(results, layer, module)
        rows.append({"id": entry, "layer": layer, "target": target, "weight": weight, "kind": KINDS[ending]})
        places.append(place)
    numbers = {name: table[name].values[places] for name in ["size", *measures]}
    return pd.DataFrame(rows, columns=COLUMNS[:-1]).assign(**numbers)


def _named(results: Results, layer: str, module: str) -> tuple[str, str]:
    """The linear layer, and the component of its weight, as maps name them."""
    names = results.component_names
    if (layer, f"{module}.weight") in names:
        weight = names[layer, f"{module}.weight"]
        return weight.removesuffix(".weight"), weight
    joined, _, part = module.rpartition(".")
    weight = names.get((layer, f"{joined}.weight"), "")
    return (f"attention.self.{part}" if weight else module), weight
