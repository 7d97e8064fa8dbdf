from itertools import combinations, permutations

import numpy as np
import pytest
from conftest import trial
from scipy import stats

from tunescope_analysis import open_results
from tunescope_analysis.stats.correlation import permutation_spearman
from tunescope_analysis.stats.expected_best import expected_best
from tunescope_analysis.topics.task_size.table import size_correlation, size_gaps
from tunescope_analysis.topics.training.table import (
    budget_table,
    diverged_table,
    learning_curves,
    rate_table,
    seed_scores,
)


@pytest.fixture
def results(small_file):
    with open_results(small_file) as opened:
        yield opened


def test_expected_best_by_hand():
    # of 1, 2, 4: one draw 7/3; two draws (2 + 4 + 4)/3; all 4
    assert expected_best(np.array([4.0, 1.0, 2.0])).tolist() == pytest.approx([7 / 3, 10 / 3, 4])


def test_expected_best_is_the_mean_over_all_subsets():
    scores = np.random.default_rng(0).random(6)
    for n, value in enumerate(expected_best(scores), 1):
        assert value == pytest.approx(np.mean([max(subset) for subset in combinations(scores, n)]))


def test_expected_best_of_thousands_is_finite():
    # of the scores 1 to N, the best of n is n (N + 1) / (n + 1) on average
    total = 3000
    n = np.arange(1, total + 1)
    assert expected_best(n.astype(float)) == pytest.approx(n * (total + 1) / (n + 1))


def test_a_diverged_trial_costs_its_share(write):
    path = write([trial("RTE", "full", 1e-5, 1, 0.8), trial("RTE", "full", 1e-5, 2, np.nan, state="diverged"),
                  trial("RTE", "full", 1e-5, 3, np.nan, state="failed")])  # fmt: skip
    with open_results(path) as results:
        assert budget_table(results.trials)["expected"].tolist() == pytest.approx([0.4, 0.8])


def test_budget_needs_two_trials(results):
    table = budget_table(results.trials)
    assert set(table["method"]) == {"full", "layernorm"}  # bitfit has one trial a task, layernorm one on RTE
    assert set(table.loc[table["method"] == "layernorm", "task"]) == {"CoLA"}


def test_rates_count_seeds_and_diverged(results):
    table = rate_table(results.trials).set_index(["task", "method", "learning_rate"])
    assert table.loc[("RTE", "full", 2e-5), ["mean", "seeds"]].tolist() == pytest.approx([0.66, 2])
    assert table.loc[("RTE", "layernorm", 1e-3), ["seeds", "trials", "diverged"]].tolist() == [1, 2, 0]
    diverged = diverged_table(table.reset_index())
    assert diverged[["task", "method", "diverged"]].values.tolist() == [["CoLA", "bitfit", 1]]


def test_curves_follow_the_headline_metric_at_the_best_rate(results):
    curves = learning_curves(results.evaluations, results.trials)
    assert curves[["task", "method", "epoch", "mean", "seeds"]].values.tolist() == [
        ["RTE", "full", 0.5, 0.6, 1],
        ["RTE", "full", 1.0, 0.7, 1],
    ]


def test_curves_of_a_metric_that_was_not_recorded_are_left_out(write):
    path = write([trial("CoLA", "full", 1e-5, 1, 0.5)],
                 evaluations=[{"trial": 0, "step": 1, "epoch": 1.0, "accuracy": 0.9}])  # fmt: skip
    with open_results(path) as results:
        assert learning_curves(results.evaluations, results.trials).empty


def test_seed_scores_are_those_behind_the_table(results):
    frame = seed_scores(results.trials)
    assert len(frame) == 8
    assert frame.loc[frame["method"] == "layernorm", "score"].tolist() == [0.58, 0.58, 0.69]


def test_gaps_to_full_by_size(write):
    sizes = {"CoLA": 8551, "RTE": 2490}
    trials = [
        trial(task, method, 1e-3, 1, score) | {"train_examples": sizes[task]}
        for task, method, score in [("CoLA", "full", 0.6), ("CoLA", "layernorm", 0.5), ("RTE", "full", 0.7),
                                    ("RTE", "layernorm", 0.71)]
    ]  # fmt: skip
    with open_results(write(trials)) as results:
        gaps = size_gaps(results.trials)
    assert gaps[["task", "train_examples", "gap", "pairs"]].values.tolist() == [
        ["RTE", 2490, pytest.approx(0.01), 1],
        ["CoLA", 8551, pytest.approx(-0.1), 1],
    ]
    assert np.isnan(size_correlation(gaps)["spearman"].item())  # two sizes say nothing


def test_correlation_of_size_and_gap():
    import pandas as pd

    sizes, gap = [1, 10, 100, 1000, 10_000], [3.0, 2.0, 2.5, 0.0, -1.0]
    row = size_correlation(
        gaps := pd.DataFrame({"method": "layernorm", "task": "RTE", "train_examples": sizes, "gap": gap})
    ).iloc[0]
    assert (row["sizes"], row["spearman"]) == (5, pytest.approx(-0.9))
    assert row["p"] == pytest.approx(10 / 120)  # 4 swaps of neighbours and the order itself, either way
    assert np.isnan(size_correlation(gaps[:4]).iloc[0]["spearman"])
    # several sizes of several tasks are not that many observations
    assert np.isnan(size_correlation(pd.concat([gaps, gaps.assign(task="CoLA")])).iloc[0]["spearman"])


def test_p_of_a_correlation_is_the_share_of_pairings_as_far_out():
    first, second = np.array([1.0, 2, 3, 4, 5, 6]), np.array([2.0, 1, 4, 3, 6, 5])
    rho = [stats.spearmanr(first, order).statistic for order in permutations(second)]
    found = permutation_spearman(first, second)
    assert found[0] == pytest.approx(stats.spearmanr(first, second).statistic)
    assert found[1] == pytest.approx(np.mean(np.abs(rho) >= found[0] - 1e-9))


def test_files_without_training_sizes_or_trials_have_no_gaps(write):
    with open_results(write([])) as results:
        assert size_gaps(results.trials).empty
        assert size_gaps(results.trials.drop_vars("train_examples")).empty
        assert rate_table(results.trials).empty
        assert budget_table(results.trials).empty
        assert learning_curves(results.evaluations, results.trials).empty
