import numpy as np
import pytest
from small_sweep import trial

from tunescope_analysis import open_results
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
