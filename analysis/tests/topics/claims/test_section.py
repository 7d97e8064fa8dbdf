from tunescope_analysis.report.claims import Claim, Ruling, Verdict
from tunescope_analysis.topics.claims.section import claims_section


def test_every_claim_has_a_row_and_says_what_to_run(small_file):
    section = claims_section([], {})
    (table,) = section.tables
    assert table.rows == []
    assert len(table.folded) == len(Claim)
    assert {row[1].text for row in table.folded} == {Ruling.NOT_DECIDABLE}
    assert all("Run " in row[2].text for row in table.folded)


def test_links_only_to_figures_that_are_there():
    verdict = Verdict(Claim.CHANGE, Ruling.SUPPORTED, "because", "change_rms")
    (row,) = claims_section([verdict], {}).tables[0].rows
    assert (row[1].text, row[2].text, row[3].link) == (Ruling.SUPPORTED, "because", "")
    (row,) = claims_section([verdict], {"change_rms": "Parameter change"}).tables[0].rows
    assert (row[3].text, row[3].link) == ("Parameter change", "figure-change_rms")
