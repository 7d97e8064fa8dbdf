"""Words for metrics, methods, measures and tensors."""

import re
from collections.abc import Iterable

from tunescope_analysis.io.vocabulary import METHODS, method_parts, parse_method

MEASURES = {
    "mean_abs": "mean absolute change",
    "rms": "root-mean-square change",
    "relative_l2": "relative change",
    "max_abs": "largest absolute change",
}
FORMULAS = {
    "mean_abs": "mean of |θF − θ0|",
    "rms": "root of the mean of (θF − θ0)²",
    "relative_l2": "‖θF − θ0‖ / ‖θ0‖",
    "max_abs": "max of |θF − θ0|",
}
FISHER_MEASURES = {
    "mean": "Fisher information per scalar",
    "sum": "Fisher information of the whole tensor",
    "max": "largest Fisher information of a scalar",
    "share": "share of the model's Fisher information",
}
FISHER_FORMULAS = {
    "mean": "mean of F over the tensor's scalars",
    "sum": "sum of F over the tensor's scalars",
    "max": "max of F over the tensor's scalars",
    "share": "sum of F over the tensor / sum over all measured",
}
AGREEMENT_LABELS = {
    "spearman": "Spearman",
    "kendall": "Kendall tau-b",
    "jaccard": "Jaccard",
    "rank_biased_overlap": "rank-biased overlap",
}
FACTOR_LABELS = {
    "batch_size": "batch size",
    "examples": "examples",
    "point": "point in training",
    "mode": "labels",
    "seed": "seed",
    "at": "trained by",
    "learning_rate": "learning rate",
}
LONGEST_LINE = 40  # letters of a method's label
SCOPES = {"union": ", all tasks", "leave-one-out": ", other tasks"}
POOLS = METHODS | {"full": "all parameters"}
METRICS = {
    "accuracy": "accuracy",
    "f1": "F1",
    "matthews": "Matthews",
    "pearson": "Pearson",
    "spearman": "Spearman",
    "accuracy_mismatched": "accuracy (mismatched)",
}


def metric_label(metric: str) -> str:
    """A metric's name as GLUE tables print it; unknown ones as they are."""
    return METRICS.get(metric, metric.replace("_", " "))


def measure_label(measure: str) -> str:
    """A change measure in words."""
    return MEASURES.get(measure, measure.replace("_", " "))


def fisher_label(measure: str, capital: bool = False) -> str:
    """A Fisher measure in words; `capital` for a title."""
    words = FISHER_MEASURES.get(measure, measure.replace("_", " "))
    return words[0].upper() + words[1:] if capital else words


def method_label(method: str) -> str:
    """A method in the field's words, for an axis or a legend: a part on up to two lines.

    `random:pool=layernorm,fraction=0.2` is "random 20 % of" above "LayerNorm"; what the words do not cover
    follows as `key=value`. Parts of a combination stand below each other, joined by a plus sign. Long lines
    are folded, for figures have no room for them.
    """
    parts = method_parts(method)
    label = _part_label(method)
    if len(parts) > 1:
        label = " +\n".join(_part_label(part).replace("\n", " ") for part in parts)
    return "\n".join(map(_folded, label.split("\n")))


def _folded(line: str) -> str:
    """At blanks and plus signs, where it is longer than `LONGEST_LINE`."""
    lines = [""]
    for piece in re.split("(?<=[ +])", line):
        if lines[-1] and len(lines[-1]) + len(piece.rstrip()) > LONGEST_LINE:
            lines.append("")
        lines[-1] += piece
    return "\n".join(folded.rstrip() for folded in lines)


def _part_label(part: str) -> str:
    name, options = parse_method(part)
    words = METHODS.get(name, name)
    layers = f", {_layers_label(options.pop('layers'))}" if "layers" in options else ""
    if "fraction" in options or "scalars" in options:
        share = (
            f"{100 * float(options.pop('fraction')):g} %" if "fraction" in options else options.pop("scalars")
        )
        pool = options.pop("pool", "layernorm")
        scope = SCOPES.get(options.pop("scope", "task"), "")
        order = f"{options.pop('order')} " if "order" in options else ""
        words = f"{order}{words} {share} of\n{POOLS.get(pool, pool)}{layers}{scope}"
    else:
        words += layers
    more = ", ".join(f"{key}={value}" for key, value in options.items())
    return words + (f"\n{more}" if more else "")


def _layers_label(layers: str) -> str:
    if layers.startswith("last"):
        return "last layer" if layers == "last1" else f"last {layers.removeprefix('last')} layers"
    return f"layers {layers}" if "-" in layers else f"layer {layers}"


def component_label(component: str, layers: Iterable[str] = ()) -> str:
    """A tensor name in words: `output.LayerNorm.weight` becomes "output LayerNorm weight".

    `layers` are the layers that hold the tensor. Outside the numbered layers they are part of the name, for
    there the tensor name alone says too little: `dense.weight` is "pooler dense weight".
    """
    words = component.replace(".self.", ".").replace("_", " ").replace(".", " ")
    places = list(layers)
    if component.startswith("LayerNorm.") and places:  # GPT-2's stands in layer 0
        return f"embeddings {words}"
    is_named = any(layer.isdigit() or component.startswith(layer) for layer in places)
    if not places or is_named or "embeddings" in words:
        return words
    return f"{'/'.join(places)} {words}"
