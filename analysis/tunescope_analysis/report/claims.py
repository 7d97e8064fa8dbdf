"""The claims of the paper and the questions after it, and what a verdict on one of them is."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, StrEnum

MIN_TASKS = 3  # our choice: fewer say nothing on "most tasks"


class Ruling(StrEnum):
    """What runs say on a claim."""

    SUPPORTED = "supported"
    NOT_SUPPORTED = "not supported"
    NOT_DECIDABLE = "not decidable with these runs"


class Claim(Enum):
    """Every claim, in the order in which a report lists them.

    `key` is its name in `claims.csv`, `statement` what is claimed, `remedy` what to run so that it can be
    decided.
    """

    def __init__(self, key: str, statement: str, remedy: str) -> None:
        """Take the three texts of a member."""
        self.key, self.statement, self.remedy = key, statement, remedy

    CHANGE = (
        "change",
        "Fine-tuning changes output LayerNorm more than any other component, on most GLUE tasks",
        "Run `full` on the GLUE tasks.",
    )
    CHANGE_BIAS = (
        "change-bias",
        "Fine-tuning changes a bias of output LayerNorm more than a weight of it",
        "Run `full` on three tasks or more.",
    )
    FISHER_LARGEST = (
        "fisher-largest",
        "LayerNorm, output LayerNorm first, has the largest Fisher information",
        "Run `tunescope fisher JOB`.",
    )
    FISHER_DEPTH = (
        "fisher-depth",
        "Later layers have more Fisher information than early ones",
        "Run `tunescope fisher JOB`.",
    )
    FISHER_LAST = (
        "fisher-last",
        "Output LayerNorm of the last layers holds the most Fisher information",
        "Run `tunescope fisher JOB` with a model of six layers or more.",
    )
    FISHER_BIAS = (
        "fisher-bias",
        "A bias of output LayerNorm has more Fisher information than a weight of it",
        "Run `tunescope fisher JOB` on three tasks or more.",
    )
    ABLATION = (
        "ablation",
        "The changes of output LayerNorm are what full fine-tuning gains by",
        "Run `full` on three tasks or more with `[ablation] groups = layernorm-output` and "
        "`run.keep = trained`.",
    )
    EQUIVALENCE = (
        "equivalence",
        "Training output LayerNorm alone, the paper's LayerNorm, matches full fine-tuning",
        "Run `full` and `layernorm-output` with the same seeds.",
    )
    PLACE = (
        "place",
        "Training output LayerNorm scores higher than training attention LayerNorm, which is as large",
        "Run `layernorm-output` and `layernorm-attention` with the same seeds.",
    )
    BITFIT = (
        "bitfit",
        "BitFit needs about five times the parameters of output LayerNorm for the same",
        "Run `bitfit` and `layernorm-output` with the same seeds.",
    )
    SUBSET = (
        "subset",
        "A subset of output LayerNorm chosen by Fisher information is as good as all of it, or better",
        "Run `fisher:pool=layernorm-output,fraction=0.2` and `layernorm-output` with the same seeds.",
    )
    UNION = (
        "union",
        "A subset of output LayerNorm chosen for all tasks together works too",
        "Run `fisher:pool=layernorm-output,fraction=0.2,scope=union` and `layernorm-output` with the same "
        "seeds.",
    )
    SUBSET_RANDOM = (
        "subset-random",
        "A subset of output LayerNorm chosen by Fisher information is better than a random one of the same "
        "size",
        "Run `fisher` and `random` with `pool=layernorm-output,fraction=0.2`, six seeds and tasks or more.",
    )
    MODELS = (
        "models",
        "The same holds for RoBERTa, DeBERTa and GPT-2",
        "Run `scripts/cross-architecture JOB MODEL ...` on models of these and of BERT.",
    )
    STABILITY = (
        "stability",
        "The Fisher ranking is stable against batch size, number of examples and point in training",
        "Run `tunescope fisher jobs/fisher-robustness.cfg`.",
    )
    TASK_SIZE = (
        "task-size",
        "From some task size on LayerNorm alone is not enough: its gap to full fine-tuning grows",
        "Run `full` and `layernorm-output` or `layernorm` on five training-set sizes or more.",
    )
    LORA = (
        "lora",
        "Output LayerNorm alone is as good as LoRA and adapters",
        "Run `lora` or `adapter` beside `layernorm-output` with the same seeds.",
    )
    DEPTH_REASON = (
        "depth-reason",
        "Gradient and activation scale over depth explain why LayerNorm and the later layers stand out",
        "Run `tunescope fisher JOB`.",
    )


@dataclass(frozen=True)
class Verdict:
    """What the runs say on a claim; `figure` names the figure or table that says so."""

    claim: Claim
    ruling: Ruling
    reason: str
    figure: str = ""


def rule_on_claims(verdicts: Iterable[Verdict]) -> dict[Claim, Verdict]:
    """The verdict on every claim, in the order of `Claim`; without one it is not decidable yet.

    Raises `ValueError` if two verdicts rule on one claim: neither may overrule the other by its place.
    """
    found: dict[Claim, Verdict] = {}
    for verdict in verdicts:
        if verdict.claim in found:
            raise ValueError(f"two verdicts on claim {verdict.claim.key}")
        found[verdict.claim] = verdict
    return {claim: found.get(claim, Verdict(claim, Ruling.NOT_DECIDABLE, claim.remedy)) for claim in Claim}


def rule_on_most_tasks(tasks: int, holds: bool) -> Ruling:
    """The ruling on a claim about most tasks, which fewer than `MIN_TASKS` cannot decide."""
    if tasks < MIN_TASKS:
        return Ruling.NOT_DECIDABLE
    return Ruling.SUPPORTED if holds else Ruling.NOT_SUPPORTED


def rule_on_all(rulings: Iterable[Ruling]) -> Ruling:
    """The ruling on a claim that needs all of several comparisons: the worst."""
    order = (Ruling.NOT_SUPPORTED, Ruling.NOT_DECIDABLE, Ruling.SUPPORTED)
    return min(rulings, key=order.index)


def rule_on_any(rulings: Iterable[Ruling]) -> Ruling:
    """The ruling on a claim that one of several comparisons is enough for: the best; open without any."""
    order = (Ruling.SUPPORTED, Ruling.NOT_DECIDABLE, Ruling.NOT_SUPPORTED)
    return min(rulings, key=order.index, default=Ruling.NOT_DECIDABLE)
