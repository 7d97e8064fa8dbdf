"""A verdict on every claim of the paper, and on the questions after it."""

import pandas as pd

from tunescope_analysis.parts.part import NOT_DECIDABLE, Cell, Heading, Part, Table, Verdict

CLAIMS = {
    "change": (
        "Fine-tuning changes output LayerNorm more than any other component, on most GLUE tasks",
        "`full` on the GLUE tasks",
    ),
    "fisher-largest": (
        "LayerNorm, output LayerNorm first, has the largest Fisher information",
        "`tunescope fisher JOB`",
    ),
    "fisher-depth": ("Later layers have more Fisher information than early ones", "`tunescope fisher JOB`"),
    "equivalence": (
        "Training LayerNorm alone matches full fine-tuning",
        "`full`, `layernorm` and `layernorm-output` with the same seeds",
    ),
    "bitfit": (
        "BitFit needs about five times the parameters of output LayerNorm for the same",
        "`bitfit` and `layernorm-output` with the same seeds",
    ),
    "subset": (
        "A subset of LayerNorm chosen by Fisher information is as good as all of it, or better",
        "`fisher:fraction=0.2` and `layernorm` with the same seeds",
    ),
    "union": (
        "A subset chosen for all tasks together works too",
        "`fisher:fraction=0.2,scope=union` and `layernorm` with the same seeds",
    ),
    "subset-random": (
        "A subset chosen by Fisher information is better than a random one of the same size",
        "`fisher:fraction=0.2` and `random:fraction=0.2` with six seeds and tasks or more",
    ),
    "stability": (
        "The Fisher ranking is stable against batch size, number of examples and point in training",
        "`tunescope fisher jobs/fisher-robustness.cfg`",
    ),
}


def claims_part(parts: list[Part]) -> Part:
    """What the other parts say on each claim: supported, not supported, or not decidable with these runs."""
    verdicts = {verdict.claim: verdict for part in parts for verdict in part.verdicts}
    part = Part("claims", "Verdict on each claim")
    part.say(
        "Claims of arXiv 2403.20284 and the questions after it, judged by the runs of this file alone. The "
        "rules are "
        "our choice; each part states its own."
    )
    figures = {picture.name for part in parts for picture in part.pictures}
    words = [Heading(text, is_number=False) for text in ("Claim", "Verdict", "Why", "Figure")]
    rows, records = [], []
    for key, (claim, needed) in CLAIMS.items():
        verdict = verdicts.get(key, Verdict(key, NOT_DECIDABLE, f"Run {needed}."))
        rows.append(
            [Cell(claim), Cell(verdict.ruling, is_best=True), Cell(verdict.reason), _figure(verdict, figures)]
        )
        records.append((key, claim, verdict.ruling, verdict.reason, verdict.figure))
    frame = pd.DataFrame(records, columns=["key", "claim", "verdict", "reason", "figure"])
    part.add(Table("claims", frame, words, rows))
    return part


def _figure(verdict: Verdict, figures: set[str]) -> Cell:
    name = verdict.figure
    return Cell(name.replace("_", " "), link=f"figure-{name}") if name in figures else Cell("–")
