import pandas as pd
import pytest

from tunescope_analysis.report.claims import Claim, Ruling
from tunescope_analysis.topics.ablation.verdict import ablation_verdict


def means(kept, group="layernorm-output", scalars=100):
    tasks = ["CoLA", "SST-2", "RTE", "MRPC"][: len(kept)]
    return pd.DataFrame(
        {"task": tasks, "method": "full", "group": group, "scalars": scalars, "kept": kept, "lost": 0.25}
    )


@pytest.mark.parametrize(
    ("kept", "ruling"),
    [
        ([0.9, 0.5, 0.1], Ruling.SUPPORTED),
        ([0.9, 0.4, 0.1], Ruling.NOT_SUPPORTED),
        ([0.9, 0.6, 0.1, 0.4], Ruling.NOT_SUPPORTED),  # half of the tasks are not most
        ([0.9, 0.9], Ruling.NOT_DECIDABLE),
        ([0.9, 0.9, float("nan")], Ruling.NOT_DECIDABLE),  # nothing was gained on one of three
    ],
)
def test_ruling_counts_the_tasks_on_which_half_of_the_gain_is_kept(kept, ruling):
    verdict = ablation_verdict(means(kept))
    assert (verdict.claim, verdict.ruling) == (Claim.ABLATION, ruling)


def test_reason_has_the_random_control_of_the_same_size():
    own = means([0.8, 0.6, 0.4])
    control = means([0.2, 0.1, 0.0], "random:pool=full,scalars=105", 105)
    larger = means([0.9, 0.9, 0.9], "random:pool=full,scalars=200", 200)
    reason = ablation_verdict(pd.concat([own, control, larger])).reason
    assert "keeps 60 % of what full fine-tuning gained, half or more on 2 of 3 tasks" in reason
    assert reason.endswith("That of as many random scalars keeps 10 % and is missed by 25 %.")
    assert "random" not in ablation_verdict(own).reason


def test_without_this_group_or_any_gain_nothing_is_said():
    assert ablation_verdict(means([0.9, 0.9, 0.9], "layernorm")) is None
    assert ablation_verdict(means([float("nan")] * 3)) is None
