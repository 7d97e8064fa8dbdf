import numpy as np
import pytest
from conftest import trial

from tunescope_analysis import open_results
from tunescope_analysis.stats.bootstrap import share_first
from tunescope_analysis.topics.change.table import change_certainty
from tunescope_analysis.topics.fisher.runs import default_runs
from tunescope_analysis.topics.fisher.table import fisher_certainty
from tunescope_analysis.topics.scores.table import tied_with_best


def test_a_component_that_always_leads_is_first_in_all_draws():
    assert share_first([np.array([[3.0, 1.0], [2.0, 1.0]])]).tolist() == [1, 0]


def test_a_component_that_leads_by_one_seed_is_first_in_three_of_four_draws():
    # the second leads only where both draws are the second seed: 1/2 · 1/2
    shares = share_first([np.array([[10.0, 1.0], [1.0, 2.0]])], resamples=20_000)
    assert shares.tolist() == pytest.approx([0.75, 0.25], abs=0.015)


def test_missing_components_come_last_and_single_seeds_say_nothing():
    assert share_first([np.array([[np.nan, 1.0], [np.nan, 2.0]])]).tolist() == [0, 1]
    assert share_first([np.ones((1, 3))]) is None


def test_tasks_count_alike_in_a_geometric_mean():
    # the second leads on the task with small numbers by more than the first does on the other
    groups = [np.array([[200.0, 100.0]] * 2), np.array([[1.0, 9.0]] * 2)]
    assert share_first(groups).tolist() == [1, 0]
    assert share_first(groups, scale=np.log).tolist() == [0, 1]


def test_certainty_of_the_small_sweep(fisher_file):
    with open_results(fisher_file) as results:
        change = change_certainty(results.change, results.trials, "mean_abs", "full")
        fisher = fisher_certainty(results.fisher, default_runs(results.fisher))
    assert change["output.LayerNorm.weight"] == 1
    assert fisher["output.LayerNorm.weight"] == 1


def scores(**methods):
    return [trial("RTE", "full", 1e-5, seed, value) | {"method": method.replace("_", "-")}
            for method, values in methods.items() for seed, value in enumerate(values)]  # fmt: skip


def test_methods_within_seed_noise_are_tied_with_the_best(write):
    path = write(
        scores(full=[0.70, 0.72, 0.71], layernorm=[0.69, 0.72, 0.70], bitfit=[0.50, 0.51, 0.50], head=[0.7])
    )
    with open_results(path) as results:
        assert tied_with_best(results.trials) == {("RTE", "layernorm")}


def test_scores_without_spread_cannot_be_told_apart(write):
    with open_results(write(scores(full=[0.7, 0.7], layernorm=[0.7, 0.7], bitfit=[0.6, 0.6]))) as results:
        assert tied_with_best(results.trials) == {("RTE", "layernorm"), ("RTE", "bitfit")}


def test_no_trials_have_no_ties(write):
    with open_results(write([])) as results:
        assert tied_with_best(results.trials) == set()
