"""A verdict on every claim of the paper, and on the questions after it."""

from collections.abc import Mapping, Sequence

import pandas as pd

from tunescope_analysis.report.blocks import Cell, Heading, Table
from tunescope_analysis.report.claims import Ruling, Verdict, rule_on_claims
from tunescope_analysis.report.section import Section


def claims_section(verdicts: Sequence[Verdict], places: Mapping[str, str], limits: str = "") -> Section:
    """What the verdicts say on each claim; `places` has the title of the section that a figure stands in.

    `limits` says what these runs could have shown at all, and comes first.
    """
    section = Section("claims", "Verdict on each claim")
    if limits:
        section.add_paragraph(limits)
    section.add_paragraph(
        "Claims of arXiv 2403.20284 and the questions after it, judged by the runs of this file alone. The "
        "paper's LayerNorm is `layernorm-output`. The rules are our choice; each part states its own. Claims "
        "that they cannot decide are one line each, which opens to what is missing."
    )
    words = [Heading(text, is_number=False) for text in ("Claim", "Verdict", "Why", "Figure")]
    rows: list[list[Cell]] = []
    folded: list[list[Cell]] = []
    records = []
    for claim, verdict in rule_on_claims(verdicts).items():
        row = [
            Cell(claim.statement),
            Cell(verdict.ruling, is_best=True),
            Cell(verdict.reason),
            _figure_link(verdict, places),
        ]
        (folded if verdict.ruling == Ruling.NOT_DECIDABLE else rows).append(row)
        records.append((claim.key, claim.statement, verdict.ruling, verdict.reason, verdict.figure))
    frame = pd.DataFrame(records, columns=["key", "claim", "verdict", "reason", "figure"])
    section.add(Table("claims", frame, words, rows, folded=folded))
    return section


def _figure_link(verdict: Verdict, places: Mapping[str, str]) -> Cell:
    """A link to the verdict's figure, with the title of its section as text."""
    name = verdict.figure
    return Cell(places[name], link=f"figure-{name}") if name in places else Cell("–")
