import re
from pathlib import Path

import pytest

import tunescope_analysis
from tunescope_analysis.report.claims import Claim, Ruling, Verdict, rule_on_claims, rule_on_most_tasks

TOPICS = Path(tunescope_analysis.__file__).parent / "topics"


@pytest.mark.parametrize(
    ("tasks", "holds", "ruling"),
    [(2, True, Ruling.NOT_DECIDABLE), (3, True, Ruling.SUPPORTED), (3, False, Ruling.NOT_SUPPORTED)],
)
def test_most_tasks_are_judged_from_three_on(tasks, holds, ruling):
    assert rule_on_most_tasks(tasks, holds) == ruling


def test_the_order_of_verdicts_does_not_matter_and_no_claim_has_two():
    verdicts = [Verdict(claim, Ruling.SUPPORTED, claim.key) for claim in Claim]
    assert list(rule_on_claims(reversed(verdicts)).items()) == list(zip(Claim, verdicts, strict=True))
    other = Verdict(Claim.LORA, Ruling.NOT_SUPPORTED, "another reason")
    with pytest.raises(ValueError, match="two verdicts on claim lora"):
        rule_on_claims([*verdicts, other])


def test_every_claim_is_ruled_on_by_one_module():
    modules = TOPICS.glob("*/verdict.py")
    claims = [name for path in modules for name in set(re.findall(r"Claim\.([A-Z_]+)", path.read_text()))]
    assert sorted(claims) == sorted(claim.name for claim in Claim)
