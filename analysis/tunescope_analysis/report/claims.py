"""The claims of the paper and the questions after it, and what a verdict on one of them is."""

from dataclasses import dataclass

SUPPORTED, NOT_SUPPORTED, NOT_DECIDABLE = "supported", "not supported", "not decidable with these runs"


@dataclass(frozen=True)
class Verdict:
    """What the runs say on a claim, by its key; `figure` names the figure or table that says so."""

    claim: str
    ruling: str
    reason: str
    figure: str = ""


CLAIMS = {
    "change": (
        "Fine-tuning changes output LayerNorm more than any other component, on most GLUE tasks",
        "Run `full` on the GLUE tasks.",
    ),
    "fisher-largest": (
        "LayerNorm, output LayerNorm first, has the largest Fisher information",
        "Run `tunescope fisher JOB`.",
    ),
    "fisher-depth": (
        "Later layers have more Fisher information than early ones",
        "Run `tunescope fisher JOB`.",
    ),
    "equivalence": (
        "Training LayerNorm alone matches full fine-tuning",
        "Run `full`, `layernorm` and `layernorm-output` with the same seeds.",
    ),
    "bitfit": (
        "BitFit needs about five times the parameters of output LayerNorm for the same",
        "Run `bitfit` and `layernorm-output` with the same seeds.",
    ),
    "subset": (
        "A subset of LayerNorm chosen by Fisher information is as good as all of it, or better",
        "Run `fisher:fraction=0.2` and `layernorm` with the same seeds.",
    ),
    "union": (
        "A subset chosen for all tasks together works too",
        "Run `fisher:fraction=0.2,scope=union` and `layernorm` with the same seeds.",
    ),
    "subset-random": (
        "A subset chosen by Fisher information is better than a random one of the same size",
        "Run `fisher:fraction=0.2` and `random:fraction=0.2` with six seeds and tasks or more.",
    ),
    "models": (
        "The same holds for RoBERTa, DeBERTa and GPT-2",
        "Run the same job on another model and set the files side by side: `tunescope-report A.h5 B.h5`.",
    ),
    "stability": (
        "The Fisher ranking is stable against batch size, number of examples and point in training",
        "Run `tunescope fisher jobs/fisher-robustness.cfg`.",
    ),
    "task-size": (
        "From some task size on LayerNorm alone is not enough: its gap to full fine-tuning grows",
        "Run `full` and `layernorm-output` or `layernorm` on five training-set sizes or more.",
    ),
    "lora": (
        "LayerNorm alone is as good as LoRA and adapters",
        "Run `lora` or `adapter` beside `layernorm-output` or `layernorm` with the same seeds, with a "
        "version that has these methods.",
    ),
    "depth-reason": (
        "Gradient and activation scale over depth explain why LayerNorm and the later layers stand out",
        "Run `tunescope fisher JOB`.",
    ),
}
MIN_TASKS = 3  # our choice: fewer say nothing on "most tasks"


def rule_on_most_tasks(tasks: int, holds: bool) -> str:
    """The ruling on a claim about most tasks, which fewer than `MIN_TASKS` cannot decide."""
    if tasks < MIN_TASKS:
        return NOT_DECIDABLE
    return SUPPORTED if holds else NOT_SUPPORTED
