"""A verdict on every claim of the paper, and on the questions after it."""

import pandas as pd

from tunescope_analysis.parts.part import NOT_DECIDABLE, Cell, Heading, Part, Table, Verdict

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


def claims_part(parts: list[Part]) -> Part:
    """What the other parts say on each claim: supported, not supported, or not decidable with these runs."""
    verdicts = {verdict.claim: verdict for part in parts for verdict in part.verdicts}
    part = Part("claims", "Verdict on each claim")
    part.say(
        "Claims of arXiv 2403.20284 and the questions after it, judged by the runs of this file alone. The "
        "rules are our choice; each part states its own. Claims that they cannot decide are one line each, "
        "which opens to what is missing."
    )
    places = {picture.name: part.title for part in parts for picture in part.pictures}
    words = [Heading(text, is_number=False) for text in ("Claim", "Verdict", "Why", "Figure")]
    rows: list[list[Cell]] = []
    folded: list[list[Cell]] = []
    records = []
    for key, (claim, needed) in CLAIMS.items():
        verdict = verdicts.get(key, Verdict(key, NOT_DECIDABLE, needed))
        row = [
            Cell(claim),
            Cell(verdict.ruling, is_best=True),
            Cell(verdict.reason),
            _figure(verdict, places),
        ]
        (folded if verdict.ruling == NOT_DECIDABLE else rows).append(row)
        records.append((key, claim, verdict.ruling, verdict.reason, verdict.figure))
    frame = pd.DataFrame(records, columns=["key", "claim", "verdict", "reason", "figure"])
    part.add(Table("claims", frame, words, rows, folded=folded))
    return part


def _figure(verdict: Verdict, places: dict[str, str]) -> Cell:
    """A link to the figure, called after the part that it stands in."""
    name = verdict.figure
    return Cell(places[name], link=f"figure-{name}") if name in places else Cell("–")
