import re
from pathlib import Path

import numpy as np
import pytest
from conftest import trial

import tunescope_analysis
from tunescope_analysis import open_results
from tunescope_analysis.assembly import SECTIONS, build_report
from tunescope_analysis.report.blocks import Paragraph
from tunescope_analysis.report.claims import Claim, Ruling, Verdict, rule_on_claims, rule_on_most_tasks
from tunescope_analysis.topics.claims.section import claims_section
from tunescope_analysis.topics.significance.judgement import judge
from tunescope_analysis.topics.significance.section import significance_section
from tunescope_analysis.topics.significance.verdict import equivalence_verdicts
from tunescope_analysis.topics.task_size.section import task_size_section
from tunescope_analysis.topics.training.section import training_section

TOPICS = Path(tunescope_analysis.__file__).parent / "topics"
PARAMETERS = {"full": 1000, "layernorm": 60, "layernorm-output": 30, "bitfit": 110}
RATES = {"full": 1e-5}


def words(section):
    return " ".join(block.text for block in section.blocks if isinstance(block, Paragraph))


TASKS = ("CoLA", "STS-B", "SICK-R")  # whose metrics, correlations, tell of learning by themselves


def sweep(differences, seeds=4, tasks=TASKS):
    """Scores of `full`, and of methods that lie by `differences` from it on every task and seed."""
    rng = np.random.default_rng(0)
    trials = []
    for task in tasks:
        for seed in range(1, seeds + 1):
            score = 0.6 + 0.01 * rng.normal()
            for method, difference in {"full": 0.0, **differences}.items():
                noise = 0.0 if method == "full" else 0.001 * rng.normal()
                own = trial(task, "full", RATES.get(method, 1e-3), seed, score + difference + noise)
                own |= {"method": method, "trainable_parameters": PARAMETERS.get(method, 12)}
                trials.append(own)
    return trials


def rulings(path, head_size=10):
    with open_results(path) as results:
        return {
            verdict.claim.key: verdict.ruling for verdict in equivalence_verdicts(results.trials, head_size)
        }


@pytest.mark.parametrize(
    ("difference", "ruling"),
    [(-0.002, Ruling.SUPPORTED), (-0.05, Ruling.NOT_SUPPORTED), (0.05, Ruling.SUPPORTED)],
)
def test_equivalence_to_full_is_judged_by_the_margin(write, difference, ruling):
    assert rulings(write(sweep({"layernorm": difference})))["equivalence"] == ruling


def test_likeness_alone_decides_nothing_where_no_task_tells_of_learning(write):
    correlations = [
        own | {"metric": "pearson"} for own in sweep({"layernorm": 0.0})
    ]  # they tell by themselves
    alike = [own | {"score": 0.5} for own in sweep({"layernorm": 0.0}, tasks=("QNLI", "SST-2"))]
    assert rulings(write(correlations + alike))["equivalence"] == Ruling.SUPPORTED
    # the tasks that tell say otherwise, and the others dilute it
    behind = sweep({"layernorm": -0.012})
    assert rulings(write(behind + alike))["equivalence"] == Ruling.NOT_DECIDABLE
    # or are fewer than three
    told = sweep({"layernorm": 0.0}, tasks=("CoLA",))
    assert rulings(write(told + alike))["equivalence"] == Ruling.NOT_DECIDABLE
    head = [own | {"method": "head", "trainable_parameters": 12} for own in alike if own["method"] == "full"]
    unfinished = [own | {"state": "failed", "score": np.nan} for own in head]
    assert rulings(write(behind + alike + unfinished))["equivalence"] == Ruling.NOT_DECIDABLE
    lower = [own | {"score": 0.3} for own in head]
    assert rulings(write(told + alike + lower))["equivalence"] == Ruling.SUPPORTED


def test_a_likeness_may_be_of_methods_that_have_learned_nothing(write):
    def reason(methods):
        with open_results(write(sweep(methods, tasks=("RTE",)))) as results:
            (verdict, *_) = equivalence_verdicts(results.trials, 10)
        return verdict.reason

    assert "Whether anything was learned on RTE only a run of `head` can tell" in reason({"layernorm": 0})
    assert "can tell" not in reason({"layernorm": 0, "head": -0.2})
    assert "can tell" not in reason({"layernorm": -0.2})
    assert "A claim about tasks needs 3." in reason({"layernorm": -0.2})


def test_near_the_margin_the_runs_cannot_tell(write):
    assert rulings(write(sweep({"layernorm": -0.01})))["equivalence"] == Ruling.NOT_DECIDABLE


def test_one_of_two_layernorm_methods_is_enough(write):
    path = write(sweep({"layernorm": 0.0, "layernorm-output": -0.05}))
    assert rulings(path)["equivalence"] == Ruling.SUPPORTED


@pytest.mark.parametrize(
    ("tasks", "holds", "ruling"),
    [(2, True, Ruling.NOT_DECIDABLE), (3, True, Ruling.SUPPORTED), (3, False, Ruling.NOT_SUPPORTED)],
)
def test_most_tasks_are_judged_from_three_on(tasks, holds, ruling):
    assert rule_on_most_tasks(tasks, holds) == ruling


def test_one_pair_is_too_few(write):
    assert (
        rulings(write(sweep({"layernorm": 0.0}, seeds=1, tasks=("RTE",))))["equivalence"]
        == Ruling.NOT_DECIDABLE
    )


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
    task = "fisher:pool=layernorm,fraction=0.2,scope=task"
    union = "fisher:pool=layernorm,fraction=0.2,scope=union"
    found = rulings(write(sweep({"layernorm": 0.0, task: 0.05, union: -0.05})))
    assert (found["subset"], found["union"]) == (Ruling.SUPPORTED, Ruling.NOT_SUPPORTED)


def test_a_subset_of_another_pool_says_nothing_of_layernorm(write):
    assert "subset" not in rulings(write(sweep({"bitfit": 0.0, "fisher:pool=bitfit,fraction=0.2": 0.0})))


def test_one_of_many_subsets_has_to_do_more(write):
    """Ten of them, all 0.02 points above the margin with a spread of 0.02 over twelve pairs."""
    subset = [f"fisher:pool=layernorm,fraction=0.{place}" for place in range(10, 20)]
    trials = [
        trial(task, "full", 1e-3, seed, 0.6 + gap) | {"method": method, "trainable_parameters": 12}
        for task in TASKS
        for seed, noise in enumerate((0.0003, -0.0003, 0.0002, -0.0002))
        for method, gap in (("layernorm", 0.0), *((name, noise - 0.0098) for name in subset))
    ]
    first = [own for own in trials if own["method"] in ("layernorm", subset[0])]
    assert rulings(write(first))["subset"] == Ruling.SUPPORTED
    assert rulings(write(trials))["subset"] == Ruling.NOT_DECIDABLE


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
    path = write(sweep({"layernorm": 0.0, "head": 0.0}))
    assert rulings(path)["equivalence"] == Ruling.NOT_DECIDABLE
    with open_results(path) as results:
        reason = judge(results.trials, "layernorm", "full").reason
    assert reason.startswith("Neither layernorm nor full has learned anything on CoLA, SICK-R and STS-B")


def test_tasks_without_learning_are_left_out(write):
    learned = sweep({"layernorm": 0.0, "head": -0.2}, tasks=("RTE", "SST-2", "MRPC"))
    path = write(learned + sweep({"layernorm": 0.0, "head": 0.0}, tasks=("CoLA",)))
    with open_results(path) as results:
        judgement = judge(results.trials, "layernorm", "full")
    assert judgement.ruling == Ruling.SUPPORTED
    assert "over 12 tasks and seeds" in judgement.reason
    assert judgement.reason.endswith("Left out: CoLA, where neither has learned anything.")


def test_a_correlation_of_nothing_is_no_learning_without_a_head_to_compare(write):
    trials = sweep({"layernorm": 0.0}, tasks=("CoLA",))
    trials = [own | {"score": 0.0, "metric": "matthews"} for own in trials]
    assert rulings(write(trials))["equivalence"] == Ruling.NOT_DECIDABLE


def test_the_reason_has_the_numbers(write):
    with open_results(write(sweep({"layernorm": -0.05}))) as results:
        reason = judge(results.trials, "layernorm", "full").reason
    assert reason.startswith("layernorm differs from full by −4.99 points")
    assert "over 12 tasks and seeds (90 % interval −5.0" in reason


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


def test_the_order_of_verdicts_does_not_matter_and_no_claim_has_two():
    verdicts = [Verdict(claim, Ruling.SUPPORTED, claim.key) for claim in Claim]
    assert list(rule_on_claims(reversed(verdicts)).items()) == list(zip(Claim, verdicts, strict=True))
    other = Verdict(Claim.LORA, Ruling.NOT_SUPPORTED, "another reason")
    with pytest.raises(ValueError, match="two verdicts on claim lora"):
        rule_on_claims([*verdicts, other])


def test_every_claim_but_that_on_other_models_is_ruled_on_by_one_module():
    """Whether the same holds for another model is seen from two reports side by side."""
    modules = TOPICS.glob("*/verdict.py")
    claims = [name for path in modules for name in set(re.findall(r"Claim\.([A-Z_]+)", path.read_text()))]
    assert sorted([*claims, "MODELS"]) == sorted(claim.name for claim in Claim)


def test_verdicts_of_the_small_sweep(fisher_file):
    with open_results(fisher_file) as results:
        report = build_report(results)
    found = {verdict.claim.key for verdict in report.verdicts}
    assert found == {
        "change", "fisher-largest", "fisher-depth", "stability", "equivalence"
    }  # fmt: skip


def test_few_tasks_are_said_to_limit_the_tests(write):
    with open_results(write(sweep({"layernorm": -0.01, "bitfit": -0.02}, tasks=("RTE", "CoLA")))) as results:
        text = words(significance_section(results))
    assert "Friedman's test over 2 tasks: the 3 methods" in text
    assert "cannot tell methods from one another" in text
    assert "So few tasks cannot show one: the smallest p possible is 0.135." in text  # exp(−2)
    assert (
        "Over task means Wilcoxon's test cannot show a difference at 0.05: the smallest p possible is 0.500, "
        "and 1.000 after Holm's correction over 2 comparisons." in text
    )
    # eight tasks and seeds reach 2 / 2⁸, twice that with Holm's correction
    assert "Over tasks and seeds Wilcoxon's test cannot" not in text


def test_every_two_methods_meet_once_in_the_order_of_ranks(write):
    with open_results(write(sweep({"layernorm": -0.01, "bitfit": -0.02}))) as results:
        (table,) = [t for t in significance_section(results).tables if t.name == "pairwise_tests"]
    assert [row[0].text for row in table.rows] == ["1. full", "2. layernorm", "3. bitfit"]
    assert [heading.text for heading in table.headings] == ["Method", "1.", "2."]
    shown = [[cell.text.replace("−", "-") for cell in row[1:]] for row in table.rows]
    assert [[text and round(float(text)) for text in row] for row in shown] == [["", ""], [-1, ""], [-2, -1]]
    assert len(table.frame) == 3


def test_parts_without_data_say_what_to_run(write):
    with open_results(write([])) as results:
        for build in (significance_section, training_section, task_size_section):
            section = build(results)
            assert section.pictures == []
            assert "Run " in words(section)


def test_one_rate_and_one_seed_are_said(write):
    with open_results(write(sweep({"layernorm": 0.0}, seeds=1))) as results:
        text = words(training_section(results))
    assert "Every method has one learning rate." in text
    assert "Every method has one finished seed." in text


def test_training_part_of_the_small_sweep(small_file):
    with open_results(small_file) as results:
        section = training_section(results)
        names = {picture.name for picture in section.pictures}
    assert names == {"learning_rates", "learning_curves", "seeds", "budget"}
    assert "1 trial diverged." in words(section)
    assert "Widest: full on CoLA, 52.0 to 60.0 over 2 seeds." in words(section)


def test_sizes_of_tasks(write):
    trials = sweep({"layernorm": -0.01}, tasks=("RTE", "CoLA"))
    for entry in trials:
        entry["train_examples"] = {"RTE": 2490, "CoLA": 8551}[entry["task"]]
    with open_results(write(trials)) as results:
        section = task_size_section(results)
    assert [picture.name for picture in section.pictures] == ["task_size"]
    assert "Below 5 sizes a trend cannot be told." in words(section)
    (table,) = section.tables
    assert [(heading.text, heading.note) for heading in table.headings] == [
        ("Method", ""), ("RTE", "2,490"), ("CoLA", "8,551"),
    ]  # fmt: skip
    assert [len(row) for row in table.rows] == [3]


def test_the_table_of_sizes_has_the_trend_of_each_method(write):
    with open_results(write(sizes_sweep([0.00, 0.01, 0.02, 0.03, 0.04]))) as results:
        (table,) = task_size_section(results).tables
    (row,) = table.rows
    assert [heading.text for heading in table.headings[-2:]] == ["Spearman", "p"]
    assert [cell.text for cell in row[1:]] == ["0.00", "−1.00", "−2.00", "−3.00", "−4.00", "−1.00", "0.017"]


def sizes_sweep(gaps):
    """One task a size, `layernorm-output` behind `full` by `gaps`."""
    return [
        trial("RTE", "full", 1e-5, 1, 0.8 - gap) | {"task": f"task{place}", "method": method,
                                                    "train_examples": 10 ** (place + 2)}
        for place, own in enumerate(gaps)
        for method, gap in (("full", 0.0), ("layernorm-output", own))
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("gaps", "ruling"),
    [
        ([0.00, 0.01, 0.02, 0.03, 0.04], Ruling.SUPPORTED),
        ([0.04, 0.03, 0.02, 0.01, 0.00], Ruling.NOT_SUPPORTED),
        ([0.01, 0.03, 0.00, 0.02, 0.01], Ruling.NOT_DECIDABLE),
    ],
)
def test_a_gap_that_grows_with_size_is_judged_by_its_trend(write, gaps, ruling):
    with open_results(write(sizes_sweep(gaps))) as results:
        (verdict,) = task_size_section(results).verdicts
    assert (verdict.claim, verdict.ruling) == (Claim.TASK_SIZE, ruling)


def test_layernorm_has_to_match_every_other_small_method(write):
    lora, adapter = "lora:rank=8", "adapter:size=64"
    assert rulings(write(sweep({"layernorm": 0.0, lora: 0.0})))["lora"] == Ruling.SUPPORTED
    found = rulings(write(sweep({"layernorm": 0.0, lora: 0.0, adapter: 0.05})))
    assert found["lora"] == Ruling.NOT_SUPPORTED


@pytest.mark.parametrize("build", SECTIONS[:-1])
def test_every_part_of_an_empty_file_says_what_to_run(write, build):
    with open_results(write([])) as results:
        section = build(results)
    notes = [block.text for block in section.blocks if isinstance(block, Paragraph) and block.is_note]
    assert section.pictures == []
    assert any("Run " in note for note in notes)


def test_learning_curves_and_budgets_without_data_say_what_to_run(write):
    with open_results(write([trial("RTE", "full", 1e-5, 1, 0.7)])) as results:
        text = words(training_section(results))
    assert "No trial has two evaluations. Run a sweep with a smaller `evaluate_every`" in text
    assert "No method has two trials of a task. Run several `seeds` or `learning_rates`" in text
