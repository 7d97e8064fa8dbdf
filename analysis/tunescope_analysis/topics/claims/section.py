"""A verdict on every claim of the paper, and on the questions after it."""

import pandas as pd

from tunescope_analysis.report.blocks import Cell, Heading, Table
from tunescope_analysis.report.claims import CLAIMS, NOT_DECIDABLE, Verdict
from tunescope_analysis.report.section import Section


def claims_section(sections: list[Section]) -> Section:
    """What the other parts say on each claim: supported, not supported, or not decidable with these runs."""
    verdicts = {verdict.claim: verdict for section in sections for verdict in section.verdicts}
    section = Section("claims", "Verdict on each claim")
    section.add_paragraph(
        "Claims of arXiv 2403.20284 and the questions after it, judged by the runs of this file alone. The "
        "rules are our choice; each part states its own. Claims that they cannot decide are one line each, "
        "which opens to what is missing."
    )
    places = {picture.name: section.title for section in sections for picture in section.pictures}
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
    section.add(Table("claims", frame, words, rows, folded=folded))
    return section


def _figure(verdict: Verdict, places: dict[str, str]) -> Cell:
    """A link to the figure, called after the part that it stands in."""
    name = verdict.figure
    return Cell(places[name], link=f"figure-{name}") if name in places else Cell("–")
