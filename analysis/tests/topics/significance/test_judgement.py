import numpy as np
import pytest
from scipy import stats
from small_sweep import sweep

from tunescope_analysis import open_results
from tunescope_analysis.report.claims import Ruling
from tunescope_analysis.topics.scores.pairs import paired_scores
from tunescope_analysis.topics.significance.judgement import as_good, better, judge


def test_pairs_that_all_differ_by_the_same_decide_nothing(write):
    alike = [own | {"score": 0.5} for own in sweep({"layernorm": 0.0, "head": 0.0})]
    lower = [own | {"score": 0.3} if own["method"] == "head" else own for own in alike]
    with open_results(write(lower)) as results:
        judgement = judge(results.trials, "layernorm", "full")
    assert judgement.ruling == Ruling.NOT_DECIDABLE
    assert judgement.reason.endswith("all by the same, which leaves no interval.")


def test_where_the_reference_alone_has_learned_nothing_a_method_that_has_counts(write):
    trials = sweep({"layernorm": 0.1, "head": 0.0})
    with open_results(write(trials)) as results:
        assert judge(results.trials, "layernorm", "full").ruling == Ruling.SUPPORTED
        assert judge(results.trials, "full", "layernorm").ruling == Ruling.NOT_SUPPORTED


def test_seeds_that_diverged_speak_against_a_likeness(write):
    trials = sweep({"layernorm": 0.0, "head": -0.2})
    trials += [own | {"seed": 9, "state": "diverged", "score": np.nan}
               for own in trials if own["method"] == "layernorm" and own["seed"] == 1]  # fmt: skip
    with open_results(write(trials)) as results:
        judgement = judge(results.trials, "layernorm", "full")
    assert judgement.ruling == Ruling.NOT_DECIDABLE
    assert "layernorm diverged in 3 trials, of which no pair speaks." in judgement.reason
    # nor where a whole task is gone, nor for the other side
    gone = [own | {"state": "diverged", "score": np.nan} for own in sweep({"layernorm": 0.0}, tasks=("RTE",))]
    alone = [own for own in gone if own["method"] == "layernorm"]
    behind = [own for own in gone if own["method"] == "full"]
    with open_results(write(sweep({"layernorm": 0.0}) + alone)) as results:
        assert judge(results.trials, "layernorm", "full").ruling == Ruling.NOT_DECIDABLE
    with open_results(write(sweep({"layernorm": -0.05}) + behind)) as results:
        assert judge(results.trials, "layernorm", "full").ruling == Ruling.NOT_DECIDABLE


def test_methods_that_have_all_learned_nothing_are_not_called_equal(write):
    with open_results(write(sweep({"layernorm": 0.0, "head": 0.0}))) as results:
        judgement = judge(results.trials, "layernorm", "full")
    assert judgement.ruling == Ruling.NOT_DECIDABLE
    assert judgement.reason.startswith(
        "Neither layernorm nor full has learned anything on CoLA, SICK-R and STS-B"
    )


def test_tasks_without_learning_are_left_out(write):
    learned = sweep({"layernorm": 0.0, "head": -0.2}, tasks=("RTE", "SST-2", "MRPC"))
    path = write(learned + sweep({"layernorm": 0.0, "head": 0.0}, tasks=("CoLA",)))
    with open_results(path) as results:
        judgement = judge(results.trials, "layernorm", "full")
    assert judgement.ruling == Ruling.SUPPORTED
    assert "over 12 tasks and seeds" in judgement.reason
    assert judgement.reason.endswith("Left out: CoLA, where neither has learned anything.")


def test_the_reason_has_the_numbers(write):
    with open_results(write(sweep({"layernorm": -0.05}))) as results:
        reason = judge(results.trials, "layernorm", "full").reason
    assert reason.startswith("layernorm differs from full by −4.99 points")
    assert "over 12 tasks and seeds (90 % interval −5.0" in reason


@pytest.mark.parametrize(
    ("ends", "is_as_good", "is_better"),
    [
        ((0.001, 0.020), Ruling.SUPPORTED, Ruling.SUPPORTED),
        ((-0.005, 0.005), Ruling.SUPPORTED, Ruling.NOT_SUPPORTED),  # alike
        ((-0.005, 0.020), Ruling.SUPPORTED, Ruling.NOT_DECIDABLE),
        ((-0.009, -0.001), Ruling.SUPPORTED, Ruling.NOT_SUPPORTED),  # worse, by less than the margin
        ((-0.020, -0.001), Ruling.NOT_DECIDABLE, Ruling.NOT_SUPPORTED),
        ((-0.020, 0.020), Ruling.NOT_DECIDABLE, Ruling.NOT_DECIDABLE),
        ((-0.030, -0.020), Ruling.NOT_SUPPORTED, Ruling.NOT_SUPPORTED),
    ],
)
def test_rules_look_at_the_place_of_the_interval(ends, is_as_good, is_better):
    assert (as_good(*ends)[0], better(*ends)[0]) == (is_as_good, is_better)


def test_the_interval_is_that_of_a_paired_t_test(write):
    with open_results(write(sweep({"layernorm": -0.02}))) as results:
        judgement = judge(results.trials, "layernorm", "full", comparisons=2)
        pairs = paired_scores(results.trials, "layernorm", "full")
    expected = stats.ttest_rel(pairs["first"], pairs["second"]).confidence_interval(0.95)
    assert (judgement.low, judgement.high) == pytest.approx((expected.low, expected.high))
