"""What the names in a file mean: the order of tasks, the options of methods, the kinds of tensors."""

from collections.abc import Iterable

FRESH_LAYER = "head"  # the only layer that is not pre-trained
REFERENCE_METHOD = "full"
GLUE_ORDER = ("cola", "sst-2", "mrpc", "sts-b", "qqp", "mnli", "qnli", "rte", "wnli")


def order_tasks(tasks: Iterable[str]) -> list[str]:
    """The distinct tasks: GLUE's in the order of its own tables, then others by name."""
    known = {name: place for place, name in enumerate(GLUE_ORDER)}
    return sorted(set(tasks), key=lambda task: (known.get(task.lower(), len(known)), task))


def parse_method(method: str) -> tuple[str, dict[str, str]]:
    """`fisher:pool=layernorm,fraction=0.2` as its name and its options."""
    name, _, options = method.partition(":")
    pairs = (option.partition("=") for option in options.split(",") if option)
    return name, {key: value for key, _, value in pairs}


def is_layernorm(component: str) -> bool:
    """Whether the tensor is a weight or bias of any LayerNorm, by the name of any architecture."""
    parts = component.split(".")
    return any(part == "LayerNorm" or part.startswith("ln_") or part.endswith("layer_norm") for part in parts)


def is_output_layernorm(component: str) -> bool:
    """Whether the tensor belongs to the LayerNorm after the feed-forward block, `output.LayerNorm`."""
    return component.startswith("output.LayerNorm.")


def has_no_gradient(component: str) -> bool:
    """Whether the loss cannot depend on the tensor: a key bias shifts all scores of a query alike."""
    return component.endswith(("attention.self.key.bias", "attention.self.position_key.bias"))
