import pytest

from tunescope_analysis.report.claims import Claim, Ruling, Verdict
from tunescope_analysis.topics.models.verdict import models_verdict

HELD = [Claim.CHANGE, Claim.EQUIVALENCE]


def rule(architectures, **others):
    """Rule on files that support `HELD`; `others` has other rulings by file, in the order of `HELD`."""
    files = {name.lower(): name for name in architectures}
    verdicts = {
        name: [
            Verdict(claim, ruling, "")
            for claim, ruling in zip(HELD, others.get(name, [YES] * 2), strict=True)
        ]
        for name in files
    }
    return models_verdict(files, verdicts)


YES, NO, OPEN = Ruling.SUPPORTED, Ruling.NOT_SUPPORTED, Ruling.NOT_DECIDABLE
ALL = ["BERT", "RoBERTa", "DeBERTa-v2", "GPT-2"]


def test_it_holds_if_every_named_model_supports_what_bert_supports():
    verdict = rule(ALL)
    assert verdict.claim is Claim.MODELS
    assert verdict.ruling == YES
    assert "Of BERT these runs say: output LayerNorm changes most; output LayerNorm alone" in verdict.reason
    assert "GPT-2: all supported." in verdict.reason


def test_one_contradiction_decides_against_even_if_a_model_is_missing():
    verdict = rule(["BERT", "GPT-2"], **{"gpt-2": [NO, YES]})
    assert verdict.ruling == NO
    assert "GPT-2: change not supported; equivalence supported." in verdict.reason
    assert "There is no file of RoBERTa." in verdict.reason


@pytest.mark.parametrize("missing", ALL[1:])
def test_a_missing_model_leaves_it_open(missing):
    assert rule([name for name in ALL if name != missing]).ruling == OPEN


def test_an_undecided_model_leaves_it_open():
    assert rule(ALL, roberta=[YES, OPEN]).ruling == OPEN


def test_claims_that_bert_does_not_support_do_not_count():
    assert rule(ALL, bert=[YES, NO], **{"gpt-2": [YES, NO]}).ruling == YES


@pytest.mark.parametrize("of_bert", [[NO, NO], [NO, OPEN]])
def test_nothing_can_be_the_same_if_bert_supports_nothing(of_bert):
    verdict = rule(ALL, bert=of_bert)
    assert verdict.ruling == OPEN
    assert "nothing to carry over" in verdict.reason


def test_other_architectures_do_not_count():
    assert rule([*ALL, "ELECTRA"], electra=[NO, NO]).ruling == YES


def test_no_file_of_an_architecture_may_contradict():
    verdicts = {name: [Verdict(Claim.CHANGE, YES, "")] for name in ("a", "b", "c", "d", "e")}
    files = dict(zip(verdicts, [*ALL, "GPT-2"], strict=True))
    assert models_verdict(files, verdicts).ruling == YES
    verdicts["e"] = [Verdict(Claim.CHANGE, NO, "")]
    assert models_verdict(files, verdicts).ruling == NO
