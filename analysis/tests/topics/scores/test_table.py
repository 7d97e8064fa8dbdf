import math

import numpy as np
import pytest
from small_sweep import trial

from tunescope_analysis import open_results
from tunescope_analysis.topics.scores.table import (
    best_trials,
    glue_average,
    order_methods,
    score_table,
    tied_with_best,
)


@pytest.fixture
def table(small_file):
    with open_results(small_file) as results:
        return score_table(results.trials)


@pytest.fixture
def rows(table):
    return table.set_index(["task", "method"])


def table_of(path):
    with open_results(path) as results:
        return score_table(results.trials)


def test_takes_the_learning_rate_with_the_best_mean(rows):
    # RTE, full: (0.70 + 0.66) / 2 = 0.68 at 1e-5 beats (0.60 + 0.72) / 2 = 0.66 at 2e-5, the best single seed
    assert rows.loc[("RTE", "full"), "learning_rate"] == 1e-5
    assert rows.loc[("RTE", "full"), "mean"] == pytest.approx(0.68, abs=1e-15)
    assert rows.loc[("CoLA", "full"), "learning_rate"] == 2e-5
    assert rows.loc[("CoLA", "full"), "mean"] == pytest.approx(0.56, abs=1e-15)


def test_standard_deviation_divides_by_seeds_less_one(rows):
    # deviations ± 0.02 and ± 0.04: sqrt(2 d² / 1) = d sqrt(2)
    assert rows.loc[("RTE", "full"), "standard_deviation"] == pytest.approx(0.02 * math.sqrt(2), rel=1e-12)
    assert rows.loc[("CoLA", "full"), "standard_deviation"] == pytest.approx(0.04 * math.sqrt(2), rel=1e-12)
    assert rows.loc[("CoLA", "layernorm"), "standard_deviation"] == 0


def test_one_finished_seed_has_no_standard_deviation(rows):
    row = rows.loc[("RTE", "layernorm")]
    assert (row["seeds"], row["trials"], row["mean"]) == (1, 2, 0.69)
    assert np.isnan(row["standard_deviation"])


def test_a_pair_without_a_finished_trial_keeps_its_row(rows):
    row = rows.loc[("CoLA", "bitfit")]
    assert (row["seeds"], row["state"], row["metric"]) == (0, "diverged", "matthews")
    assert np.isnan(row["mean"])
    assert np.isnan(row["learning_rate"])


def test_state_is_the_most_frequent_one(write):
    failed = [trial("RTE", "full", 1e-5, seed, np.nan, state="failed") for seed in (2, 3)]
    path = write([trial("RTE", "full", 1e-5, 1, 0.5), *failed])
    assert table_of(path)["state"].tolist() == ["failed"]


def test_a_trial_that_diverged_counts_against_its_learning_rate(write):
    steady = [trial("RTE", "full", 1e-5, seed, 0.70) for seed in range(5)]
    lucky = [trial("RTE", "full", 5e-5, 0, 0.72)]
    lucky += [trial("RTE", "full", 5e-5, seed, np.nan, state="diverged") for seed in range(1, 5)]
    (row,) = table_of(write(steady + lucky)).itertuples()
    assert (row.learning_rate, row.seeds, row.mean) == (1e-5, 5, pytest.approx(0.70))


def test_a_rate_that_always_diverged_is_never_the_best(write):
    """Not even where what it counts as, 0, is better than the negative score of another."""
    trials = [trial("CoLA", "full", 1e-5, 1, -0.02), trial("CoLA", "full", 5e-5, 1, np.nan, state="diverged")]
    (row,) = table_of(write(trials)).itertuples()
    assert (row.learning_rate, row.mean, row.seeds) == (1e-5, -0.02, 1)


def test_the_selection_score_chooses_the_rate_and_the_score_is_shown(write):
    path = write(
        [trial("RTE", "full", 1e-5, 1, 0.70, selection="half-dev", selection_score=0.60),
         trial("RTE", "full", 2e-5, 1, 0.65, selection="half-dev", selection_score=0.61)]
    )  # fmt: skip
    (row,) = table_of(path).itertuples()
    assert (row.learning_rate, row.mean) == (2e-5, 0.65)


def test_ties_go_to_the_smaller_learning_rate(write):
    path = write([trial("RTE", "full", rate, 1, 0.5) for rate in (3e-5, 1e-5, 2e-5)])
    assert table_of(path)["learning_rate"].tolist() == [1e-5]


def test_tasks_come_in_glue_order_and_methods_by_size(table):
    assert table["task"].unique().tolist() == ["CoLA", "RTE"]
    assert order_methods(table) == ["full", "layernorm", "bitfit"]


def test_average_needs_every_task(table):
    average = glue_average(table)
    assert sorted(average.index) == ["full", "layernorm"]
    assert average["full"] == pytest.approx((0.68 + 0.56) / 2, abs=1e-15)
    assert average["layernorm"] == pytest.approx((0.69 + 0.58) / 2, abs=1e-15)


def test_average_needs_every_task_of_the_file_not_of_the_method(write):
    path = write([trial("RTE", "full", 1e-5, 1, 0.5), trial("CoLA", "full", 1e-5, 1, 0.5),
                  trial("RTE", "bitfit", 1e-5, 1, 0.5)])  # fmt: skip
    assert glue_average(table_of(path)).index.tolist() == ["full"]


def test_own_tasks_and_wnli_stay_out_of_the_average_of_glue(write):
    scores = {"RTE": 0.5, "CoLA": 0.7, "WNLI": 0.1, "claims": 0.2}
    path = write([trial(task, "full", 1e-5, 1, score) for task, score in scores.items()])
    assert glue_average(table_of(path))["full"] == pytest.approx(0.6, abs=1e-15)
    own = write([trial(task, "full", 1e-5, 1, scores[task]) for task in ("WNLI", "claims")])
    assert glue_average(table_of(own))["full"] == pytest.approx(0.15, abs=1e-15)


def test_best_trials_are_the_seeds_behind_the_means(small_file):
    with open_results(small_file) as results:
        assert best_trials(results.trials).index.tolist() == [0, 1, 6, 7, 8, 10, 11, 12]


def test_a_done_trial_with_an_undefined_score_does_not_count(write):
    path = write([trial("CoLA", "full", 1e-5, 1, 0.4), trial("CoLA", "full", 1e-5, 2, np.nan)])
    assert table_of(path)[["mean", "seeds"]].values.tolist() == [[0.4, 1]]


def test_no_trials_give_an_empty_table(write):
    table = table_of(write([]))
    assert table.empty
    assert glue_average(table).empty


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
