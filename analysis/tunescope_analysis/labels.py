"""Readable names for tasks' metrics, methods, measures and tensors, and the order they are shown in."""

from collections.abc import Iterable, Mapping

import pandas as pd

GLUE_ORDER = ("cola", "sst-2", "mrpc", "sts-b", "qqp", "mnli", "qnli", "rte", "wnli")

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

FACTOR_LABELS = {
    "batch_size": "batch size",
    "examples": "examples",
    "point": "point in training",
    "mode": "labels",
    "seed": "seed",
    "at": "trained by",
    "learning_rate": "learning rate",
}

METHODS = {
    "full": "full fine-tuning",
    "head": "head alone",
    "layernorm": "LayerNorm",
    "layernorm-output": "output LayerNorm",
    "layernorm-attention": "attention LayerNorm",
    "bitfit": "BitFit",
    "fisher": "Fisher",
    "random": "random",
    "lora": "LoRA",
    "adapter": "adapters",
}

SCOPES = {"union": ", all tasks", "leave-one-out": ", other tasks"}

METRICS = {
    "accuracy": "accuracy",
    "f1": "F1",
    "matthews": "Matthews",
    "pearson": "Pearson",
    "spearman": "Spearman",
    "accuracy_mismatched": "accuracy (mismatched)",
}


def order_tasks(tasks: Iterable[str]) -> list[str]:
    """The distinct tasks: GLUE's in the order of its own tables, then others by name."""
    known = {name: place for place, name in enumerate(GLUE_ORDER)}
    return sorted(set(tasks), key=lambda task: (known.get(task.lower(), len(known)), task))


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


def setting_sentence(run: Mapping[str, object]) -> str:
    """The setting of a Fisher run in words."""
    point = float(run["point"])  # type: ignore[arg-type]
    when = "after" if point == 1 else "before" if point == 0 else f"after {point:.0%} of"
    return (
        f"batch size {run['batch_size']}, {run['examples']:,} examples, {run['mode']} labels, {when} "
        "training by "
        f"{run['at']}"
    )


def settings_sentence(start: str, runs: pd.DataFrame) -> str:
    """The settings of Fisher runs in words: one sentence where all tasks have the same, else one a task."""
    first = runs.groupby("task", sort=False).head(1).set_index("task")
    texts = {task: setting_sentence(first.loc[task]) for task in order_tasks(first.index)}
    if len(set(texts.values())) == 1:
        return f"{start}: {next(iter(texts.values()))}."
    return " ".join(f"{start} of {task}: {text}." for task, text in texts.items())


def parse_method(method: str) -> tuple[str, dict[str, str]]:
    """`fisher:pool=layernorm,fraction=0.2` as its name and its options."""
    name, _, options = method.partition(":")
    pairs = (option.partition("=") for option in options.split(",") if option)
    return name, {key: value for key, _, value in pairs}


def method_label(method: str) -> str:
    """A method in the field's words, on up to two lines, for an axis or a legend.

    `random:pool=layernorm,fraction=0.2` is "random 20 % of" above "LayerNorm"; what the words do not cover
    follows as `key=value`.
    """
    name, options = parse_method(method)
    words = METHODS.get(name, name)
    if "fraction" in options:
        pool = options.pop("pool", "layernorm")
        scope = SCOPES.get(options.pop("scope", "task"), "")
        words += f" {100 * float(options.pop('fraction')):g} % of\n{METHODS.get(pool, pool)}{scope}"
    more = ", ".join(f"{key}={value}" for key, value in options.items())
    return words + (f"\n{more}" if more else "")


def component_label(component: str, layers: Iterable[str] = ()) -> str:
    """A tensor name in words: `output.LayerNorm.weight` becomes "output LayerNorm weight".

    `layers` are the layers that hold the tensor. Outside the numbered layers they are part of the name, for
    there the tensor name alone says too little: `dense.weight` is "pooler dense weight".
    """
    words = component.replace(".self.", ".").replace("_", " ").replace(".", " ")
    places = list(layers)
    if not places or any(layer.isdigit() for layer in places) or "embeddings" in words:
        return words
    return f"{'/'.join(places)} {words}"


def is_layernorm(component: str) -> bool:
    """Whether the tensor is a weight or bias of any LayerNorm (GPT-2 calls them `ln_1`, `ln_2`, `ln_f`)."""
    parts = component.split(".")
    return "LayerNorm" in parts or any(part.startswith("ln_") for part in parts)


def has_no_gradient(component: str) -> bool:
    """Whether the loss cannot depend on the tensor: a key bias shifts all scores of a query alike."""
    return component.endswith("attention.self.key.bias")


def is_output_layernorm(component: str) -> bool:
    """Whether the tensor belongs to the LayerNorm after the feed-forward block, `output.LayerNorm`."""
    return component.startswith("output.LayerNorm.")
