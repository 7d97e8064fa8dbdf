import numpy as np
import pytest
from small_sweep import LEARNED_TASKS, sweep, trial

from tunescope_analysis import open_results
from tunescope_analysis.report.claims import Ruling
from tunescope_analysis.topics.significance.verdict import score_verdicts


def rulings(path, head_size=10):
    with open_results(path) as results:
        return {verdict.claim.key: verdict.ruling for verdict in score_verdicts(results.trials, head_size)}


@pytest.mark.parametrize(
    ("difference", "ruling"),
    [(-0.002, Ruling.SUPPORTED), (-0.05, Ruling.NOT_SUPPORTED), (0.05, Ruling.SUPPORTED)],
)
def test_equivalence_to_full_is_judged_by_the_margin(write, difference, ruling):
    assert rulings(write(sweep({"layernorm-output": difference})))["equivalence"] == ruling


def test_likeness_alone_decides_nothing_where_no_task_tells_of_learning(write):
    correlations = [
        own | {"metric": "pearson"} for own in sweep({"layernorm-output": 0.0})
    ]  # they tell by themselves
    alike = [own | {"score": 0.5} for own in sweep({"layernorm-output": 0.0}, tasks=("QNLI", "SST-2"))]
    assert rulings(write(correlations + alike))["equivalence"] == Ruling.SUPPORTED
    # the tasks that tell say otherwise, and the others dilute it
    behind = sweep({"layernorm-output": -0.012})
    assert rulings(write(behind + alike))["equivalence"] == Ruling.NOT_DECIDABLE
    # or are fewer than three
    told = sweep({"layernorm-output": 0.0}, tasks=("CoLA",))
    assert rulings(write(told + alike))["equivalence"] == Ruling.NOT_DECIDABLE
    head = [own | {"method": "head", "trainable_parameters": 12} for own in alike if own["method"] == "full"]
    unfinished = [own | {"state": "failed", "score": np.nan} for own in head]
    assert rulings(write(behind + alike + unfinished))["equivalence"] == Ruling.NOT_DECIDABLE
    lower = [own | {"score": 0.3} for own in head]
    assert rulings(write(told + alike + lower))["equivalence"] == Ruling.SUPPORTED


def test_a_likeness_may_be_of_methods_that_have_learned_nothing(write):
    def reason(methods):
        with open_results(write(sweep(methods, tasks=("RTE",)))) as results:
            (verdict,) = score_verdicts(results.trials, 10)
        return verdict.reason

    assert "Whether anything was learned on RTE only a run of `head` can tell" in reason(
        {"layernorm-output": 0}
    )
    assert "can tell" not in reason({"layernorm-output": 0, "head": -0.2})
    assert "can tell" not in reason({"layernorm-output": -0.2})
    assert "A claim about tasks needs 3." in reason({"layernorm-output": -0.2})


def test_near_the_margin_the_runs_cannot_tell(write):
    assert rulings(write(sweep({"layernorm-output": -0.01})))["equivalence"] == Ruling.NOT_DECIDABLE


@pytest.mark.parametrize(("gap", "other"), [(0.0, -0.05), (-0.05, 0.0)])
def test_the_papers_layernorm_decides_and_others_stand_beside_it(write, gap, other):
    path = write(sweep({"layernorm-output": gap, "layernorm": other}))
    with open_results(path) as results:
        (verdict,) = score_verdicts(results.trials)
    assert verdict.ruling == (Ruling.SUPPORTED if gap == 0 else Ruling.NOT_SUPPORTED)
    own, _, beside = verdict.reason.partition(" Beside it, deciding nothing: ")
    assert own.startswith("layernorm-output differs from full by ")
    assert "corrected for" not in own  # nothing else could have made the claim true
    assert beside.startswith("layernorm differs from full by ")


def test_without_the_papers_layernorm_the_claim_says_what_to_run(write):
    with open_results(write(sweep({"layernorm": 0.0}))) as results:
        (verdict,) = score_verdicts(results.trials)
    assert verdict.ruling == Ruling.NOT_DECIDABLE
    assert verdict.reason.startswith("Run `full` and `layernorm-output` with the same seeds. Beside it")


@pytest.mark.parametrize(
    ("output", "attention", "noise", "ruling"),
    [
        (0.0, -0.02, 0.0, Ruling.SUPPORTED),
        (-0.02, 0.0, 0.0, Ruling.NOT_SUPPORTED),
        (0.0, 0.0, 0.0, Ruling.NOT_SUPPORTED),  # alike
        (0.0, 0.0, 0.05, Ruling.NOT_DECIDABLE),
    ],
)
def test_output_layernorm_has_to_score_higher_than_attention_layernorm(
    write, output, attention, noise, ruling
):
    trials = sweep({"layernorm-output": output, "layernorm-attention": attention})
    for place, own in enumerate(own for own in trials if own["method"] == "layernorm-attention"):
        own["score"] += noise * (-1) ** place
    assert rulings(write(trials))["place"] == ruling
    one_task = [own for own in trials if own["task"] == "CoLA"]
    assert rulings(write(one_task))["place"] == Ruling.NOT_DECIDABLE


def test_the_places_of_layernorm_are_not_called_alike_where_nothing_may_have_been_learned(write):
    methods = {"layernorm-output": 0.0, "layernorm-attention": 0.0}
    unknown = sweep(methods, tasks=("QNLI", "SST-2", "RTE"))
    assert rulings(write(unknown))["place"] == Ruling.NOT_DECIDABLE
    assert rulings(write(unknown + sweep(methods)))["place"] == Ruling.NOT_SUPPORTED


def test_one_pair_is_too_few(write):
    assert (
        rulings(write(sweep({"layernorm-output": 0.0}, seeds=1, tasks=("RTE",))))["equivalence"]
        == Ruling.NOT_DECIDABLE
    )


def test_bitfit_has_five_times_the_parameters_without_the_head(write):
    # (110 − 10) / (30 − 10) = 5
    path = write(sweep({"layernorm-output": 0.0, "bitfit": 0.0}))
    assert rulings(path)["bitfit"] == Ruling.SUPPORTED
    # for the same means no better either, and no likeness makes up for another number of parameters
    assert rulings(write(sweep({"layernorm-output": 0.0, "bitfit": -0.1})))["bitfit"] == Ruling.NOT_SUPPORTED
    assert rulings(path, 29)["bitfit"] == Ruling.NOT_SUPPORTED
    assert (
        rulings(write(sweep({"layernorm-output": -0.01, "bitfit": 0.0})), 29)["bitfit"]
        == Ruling.NOT_SUPPORTED
    )
    # the claim is about output LayerNorm
    assert "bitfit" not in rulings(write(sweep({"layernorm": 0.0, "bitfit": 0.0})))


def test_without_the_size_of_the_head_bitfit_is_not_judged(write):
    assert (
        rulings(write(sweep({"layernorm-output": 0.0, "bitfit": 0.0})), np.nan)["bitfit"]
        == Ruling.NOT_DECIDABLE
    )


def test_subsets_may_be_better_than_their_pool(write):
    task = "fisher:pool=layernorm-output,fraction=0.2,scope=task"
    union = "fisher:pool=layernorm-output,fraction=0.2,scope=union"
    found = rulings(write(sweep({"layernorm-output": 0.0, task: 0.05, union: -0.05})))
    assert (found["subset"], found["union"]) == (Ruling.SUPPORTED, Ruling.NOT_SUPPORTED)
    near = rulings(write(sweep({"layernorm-output": 0.0, task: -0.01, union: -0.01})))
    assert (near["subset"], near["union"]) == (Ruling.NOT_DECIDABLE, Ruling.NOT_DECIDABLE)
    behind = rulings(write(sweep({"layernorm-output": 0.0, task: -0.05, union: 0.0})))
    assert (behind["subset"], behind["union"]) == (Ruling.NOT_SUPPORTED, Ruling.SUPPORTED)


def test_subsets_of_all_layernorms_stand_beside_those_of_the_papers(write):
    methods = {
        "layernorm-output": 0.0,
        "fisher:pool=layernorm-output,fraction=0.2": -0.05,
        "layernorm": 0.0,
        "fisher:fraction=0.2": 0.0,
    }
    with open_results(write(sweep(methods))) as results:
        found = {verdict.claim.key: verdict for verdict in score_verdicts(results.trials)}
    assert found["subset"].ruling == Ruling.NOT_SUPPORTED
    assert "deciding nothing: fisher:fraction=0.2 differs from layernorm by" in found["subset"].reason
    assert found["subset"].reason.startswith("fisher:pool=layernorm-output,fraction=0.2 differs")
    alone = rulings(write(sweep({"layernorm": 0.0, "fisher:fraction=0.2": 0.0})))
    assert alone["subset"] == Ruling.NOT_DECIDABLE


def test_a_subset_of_another_pool_says_nothing_of_layernorm(write):
    assert "subset" not in rulings(write(sweep({"bitfit": 0.0, "fisher:pool=bitfit,fraction=0.2": 0.0})))


def test_one_of_many_subsets_has_to_do_more(write):
    """Ten of them, all 0.02 points above the margin with a spread of 0.02 over twelve pairs."""
    subset = [f"fisher:pool=layernorm-output,fraction=0.{place}" for place in range(10, 20)]
    trials = [
        trial(task, "full", 1e-3, seed, 0.6 + gap) | {"method": method, "trainable_parameters": 12}
        for task in LEARNED_TASKS
        for seed, noise in enumerate((0.0003, -0.0003, 0.0002, -0.0002))
        for method, gap in (("layernorm-output", 0.0), *((name, noise - 0.0098) for name in subset))
    ]
    first = [own for own in trials if own["method"] in ("layernorm-output", subset[0])]
    assert rulings(write(first))["subset"] == Ruling.SUPPORTED
    assert rulings(write(trials))["subset"] == Ruling.NOT_DECIDABLE


def test_a_correlation_of_nothing_is_no_learning_without_a_head_to_compare(write):
    trials = sweep({"layernorm-output": 0.0}, tasks=("CoLA",))
    trials = [own | {"score": 0.0, "metric": "matthews"} for own in trials]
    assert rulings(write(trials))["equivalence"] == Ruling.NOT_DECIDABLE


def test_layernorm_has_to_match_every_other_small_method(write):
    lora, adapter = "lora:rank=8", "adapter:size=64"
    assert rulings(write(sweep({"layernorm-output": 0.0, lora: 0.0})))["lora"] == Ruling.SUPPORTED
    found = rulings(write(sweep({"layernorm-output": 0.0, lora: 0.0, adapter: 0.05})))
    assert found["lora"] == Ruling.NOT_SUPPORTED
