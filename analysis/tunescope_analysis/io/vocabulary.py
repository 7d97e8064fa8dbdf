"""What the names in a file mean: the order of tasks, the options of methods, the kinds of tensors."""

from collections.abc import Iterable

FRESH_LAYER = "head"  # the only layer that is not pre-trained
REFERENCE_METHOD = "full"
PAPER_LAYERNORM = "layernorm-output"  # what arXiv 2403.20284 calls LayerNorm: its count of scalars says so
METHODS = {
    "full": "full fine-tuning",
    "head": "head alone",
    "layernorm": "LayerNorm",
    "layernorm-weight": "LayerNorm weights",
    "layernorm-bias": "LayerNorm biases",
    "layernorm-output": "output LayerNorm",
    "layernorm-attention": "attention LayerNorm",
    "bitfit": "BitFit",
    "fisher": "Fisher",
    "magnitude": "magnitude",
    "random": "random",
    "lora": "LoRA",
    "ia3": "IA3",
    "adapter": "adapters",
}
GLUE_ORDER = ("cola", "sst-2", "mrpc", "sts-b", "qqp", "mnli", "qnli", "rte", "wnli")
STUDIED = GLUE_ORDER[:-1]  # the papers leave WNLI out


def order_tasks(tasks: Iterable[str]) -> list[str]:
    """The distinct tasks: GLUE's in the order of its own tables, then others by name."""
    known = {name: place for place, name in enumerate(GLUE_ORDER)}
    return sorted(set(tasks), key=lambda task: (known.get(task.lower(), len(known)), task))


def glue_tasks(tasks: Iterable[str]) -> list[str]:
    """Those of GLUE that the papers study, in order: all but WNLI."""
    return [task for task in order_tasks(tasks) if task.lower() in STUDIED]


def averaged_tasks(tasks: Iterable[str]) -> list[str]:
    """The tasks that an average is over: `glue_tasks`, so that it compares with papers, or all if none is."""
    return glue_tasks(tasks) or order_tasks(tasks)


def method_parts(method: str) -> list[str]:
    """The parts of a combination; a piece that is no method's name belongs to the option before it."""
    parts: list[str] = []
    for piece in method.split("+"):
        if parts and ":" in parts[-1] and piece.partition(":")[0] not in METHODS:
            parts[-1] += f"+{piece}"
        else:
            parts.append(piece)
    return parts


def parse_method(method: str) -> tuple[str, dict[str, str]]:
    """`fisher:pool=layernorm,fraction=0.2` as its name and its options; a combination is all name."""
    if len(method_parts(method)) > 1:
        return method, {}
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
