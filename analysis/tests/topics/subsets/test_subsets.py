import numpy as np
import pytest

from tunescope_analysis import open_results
from tunescope_analysis.report.claims import Ruling
from tunescope_analysis.topics.subsets.section import subsets_section
from tunescope_analysis.topics.subsets.table import subset_differences, subset_pairs, subset_table

FISHER = "fisher:pool=layernorm,fraction=0.2,scope=task"
UNION = "fisher:pool=layernorm,fraction=0.2,scope=union"
RANDOM = "random:pool=layernorm,fraction=0.2"


def trial(task, method, seed, score, learning_rate=1e-3, **more):
    return {
        "task": task,
        "method": method,
        "seed": seed,
        "score": score,
        "learning_rate": learning_rate,
        **more,
    }


TRIALS = [
    trial("RTE", FISHER, 1, 0.60),
    trial("RTE", FISHER, 1, 0.50, learning_rate=1e-4),
    trial("RTE", FISHER, 2, 0.62),
    trial("RTE", RANDOM, 1, 0.55),
    trial("RTE", RANDOM, 2, 0.62),
    trial("CoLA", FISHER, 1, 0.40),
    trial("CoLA", FISHER, 2, 0.44),
    trial("CoLA", RANDOM, 1, 0.43),
    trial("CoLA", RANDOM, 2, 0.40),
    trial("CoLA", RANDOM, 3, 0.40),
    trial("CoLA", "random:pool=bitfit,fraction=0.2", 1, 0.3),
    trial("CoLA", "random:pool=layernorm,fraction=0.5", 1, 0.3),
]


@pytest.fixture
def differences(write):
    with open_results(write(TRIALS)) as results:
        return subset_differences(results.trials)


def test_a_control_has_the_same_pool_and_fraction(write):
    with open_results(write([*TRIALS, trial("RTE", UNION, 1, 0.5)])) as results:
        assert subset_pairs(results.trials) == [(FISHER, RANDOM), (UNION, RANDOM)]


LOWEST = "fisher:fraction=0.2,order=lowest,pool=layernorm,scope=task"
LARGEST = "magnitude:fraction=0.2,pool=layernorm"
OTHERS = [
    "fisher:fraction=0.2,order=lowest,pool=layernorm,scope=union",
    "magnitude:fraction=0.2,order=lowest,pool=layernorm",
    "magnitude:fraction=0.2,layers=last4,pool=layernorm",
    "magnitude:pool=layernorm,scalars=20",
    "fisher:fraction=0.2,pool=layernorm,scope=task+layernorm-output",
]


def test_controls_are_random_the_lowest_and_the_largest_of_the_same_choice(write):
    trials = [*TRIALS, *(trial("RTE", method, 1, 0.5) for method in (LOWEST, LARGEST, *OTHERS))]
    with open_results(write(trials)) as results:
        assert subset_pairs(results.trials) == [(FISHER, RANDOM), (FISHER, LOWEST), (FISHER, LARGEST)]


def test_subsets_of_a_number_of_scalars_have_controls_too(write):
    pair = ["fisher:pool=full,scalars=500,scope=task", "random:pool=full,scalars=500"]
    with open_results(write([trial("RTE", method, 1, 0.5) for method in pair])) as results:
        assert subset_pairs(results.trials) == [tuple(pair)]


def test_the_verdict_is_about_the_random_control_alone(write):
    """Highest is like random, and better than lowest on every seed of two tasks."""
    scores = {FISHER: 0.6, RANDOM: 0.6, LOWEST: 0.5}
    trials = [
        trial(task, method, seed, score + 0.001 * seed * (-1) ** seed * (method == FISHER))
        for task in ("RTE", "CoLA")
        for seed in range(1, 7)
        for method, score in scores.items()
    ]
    with open_results(write(trials)) as results:
        section = subsets_section(results)
        table = subset_table(subset_differences(results.trials)).set_index(["control", "task"])
    assert [verdict.ruling for verdict in section.verdicts] == [Ruling.NOT_DECIDABLE]
    assert table.loc[(LOWEST, "all tasks"), "holm_p"] == pytest.approx(2 / 2**12)
    assert table.loc[(RANDOM, "all tasks"), "holm_p"] > 0.05
    text = str(section)
    assert "differs from the lowest Fisher information by" in text
    assert "differs from its random control by" in text


def test_without_a_random_control_there_is_no_verdict(write):
    trials = [trial("RTE", method, seed, 0.5 + seed / 10) for method in (FISHER, LOWEST) for seed in (1, 2)]
    with open_results(write(trials)) as results:
        assert subsets_section(results).verdicts == []


def test_differences_pair_task_and_seed_at_the_best_learning_rate(differences):
    assert differences[["task", "seed"]].values.tolist() == [["CoLA", 1], ["CoLA", 2], ["RTE", 1], ["RTE", 2]]
    assert differences["difference"].tolist() == pytest.approx([-0.03, 0.04, 0.05, 0])


def test_table_has_all_tasks_first_then_each(differences):
    table = subset_table(differences)
    assert table["task"].tolist() == ["all tasks", "CoLA", "RTE"]
    whole = table.iloc[0]
    assert whole["mean_difference"] == pytest.approx(0.015)
    assert whole[["pairs", "better", "equal", "worse"]].tolist() == [4, 2, 1, 1]
    # 0.03 < 0.04 < 0.05, the smallest negative: W− = 1, so 2 · 2 of 8 patterns
    assert whole["p"] == pytest.approx(4 / 8)
    assert whole["smallest_p"] == pytest.approx(2 / 8)


def test_one_task_has_one_row(differences):
    table = subset_table(differences[differences["task"] == "RTE"])
    assert table["task"].tolist() == ["RTE"]


def test_one_seed_has_no_deviation(differences):
    table = subset_table(differences[(differences["task"] == "RTE") & (differences["seed"] == 1)])
    assert np.isnan(table["standard_deviation"].item())
    assert table["p"].item() == 1


def test_a_sweep_without_subsets_has_no_rows(small_file):
    with open_results(small_file) as results:
        differences = subset_differences(results.trials)
    assert differences.empty
    assert subset_table(differences).empty


def test_tasks_on_which_neither_has_learned_anything_are_left_out(write):
    def subsets(task, chosen):
        scores = {FISHER: chosen, RANDOM: 0.5, "head": 0.5}
        return [trial(task, method, seed, score) for method, score in scores.items() for seed in (1, 2)]

    with open_results(write([*subsets("RTE", 0.6), *subsets("SST-2", 0.5)])) as results:
        assert set(subset_differences(results.trials)["task"]) == {"RTE"}


@pytest.mark.parametrize(
    ("gaps", "ruling"),
    [
        ((0.02,), Ruling.SUPPORTED),
        ((-0.02,), Ruling.NOT_SUPPORTED),
        ((0.0,), Ruling.NOT_DECIDABLE),
        ((0.02, 0.0), Ruling.SUPPORTED),
        ((0.02, -0.02), Ruling.NOT_DECIDABLE),
    ],
)
def test_subsets_are_judged_by_what_is_apart_from_chance(write, gaps, ruling):
    """One gap a fraction; six seeds of two tasks, noise of either sign."""
    trials = []
    for place, gap in enumerate(gaps):
        fraction = f"pool=layernorm-output,fraction=0.{place + 1}"
        for task in ("RTE", "CoLA"):
            for seed in range(1, 7):
                noise = 0.001 * seed * (-1) ** seed
                trials.append(trial(task, f"fisher:{fraction},scope=task", seed, 0.6 + gap + noise))
                trials.append(trial(task, f"random:{fraction}", seed, 0.6))
    with open_results(write(trials)) as results:
        (verdict,) = subsets_section(results).verdicts
    assert verdict.ruling == ruling


def test_subsets_of_other_pools_do_not_decide(write):
    with open_results(write(TRIALS)) as results:
        (verdict,) = subsets_section(results).verdicts
    assert verdict.ruling == Ruling.NOT_DECIDABLE
    assert verdict.reason.startswith("Run `fisher` and `random` with `pool=layernorm-output,fraction=0.2`")


def test_too_few_pairs_leave_the_subsets_undecided(write):
    trials = [own | {"method": own["method"].replace("pool=layernorm,", "pool=layernorm-output,")}
              for own in TRIALS]  # fmt: skip
    with open_results(write(trials)) as results:
        section = subsets_section(results)
    assert section.verdicts[0].ruling == Ruling.NOT_DECIDABLE
    assert "too few unequal pairs to reach p < 0.05 (smallest possible 0.250)" in section.verdicts[0].reason
