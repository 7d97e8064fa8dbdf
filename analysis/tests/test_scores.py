import math

import numpy as np
import pytest
from conftest import trial

from tunescope_analysis import open_results
from tunescope_analysis.io.results import head_size
from tunescope_analysis.topics.parameters.table import average_table, method_parameters
from tunescope_analysis.topics.scores.table import best_trials, glue_average, order_methods, score_table


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


def test_trainable_parameters_are_medians_over_tasks(write):
    counts = {"RTE": 10, "CoLA": 14}
    trials = [trial(task, "full", 1e-5, 1, 0.5) | {"trainable_parameters": n} for task, n in counts.items()]
    assert method_parameters(table_of(write(trials)))["trainable_parameters"].tolist() == [12]


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


def test_averages_have_an_interval_over_seeds_that_have_every_task(small_file):
    with open_results(small_file) as results:
        table = average_table(results.trials, head_size(results)).set_index("method")
    full = table.loc["full"]
    # seed 1: (0.70 + 0.52) / 2, seed 2: (0.66 + 0.60) / 2; t of 0.975 and one degree of freedom is 12.706
    assert full[["average", "low", "high"]].tolist() == pytest.approx(
        [0.62, 0.62 - 12.706 * 0.01, 0.62 + 12.706 * 0.01], abs=1e-5
    )
    assert table["seeds"].to_dict() == {"full": 2, "layernorm": 1, "bitfit": 0}
    assert math.isnan(table.loc["layernorm", "low"])
    assert math.isnan(table.loc["bitfit", "average"])


def test_an_average_lies_within_its_interval_where_seeds_are_missing(write):
    trials = [trial("RTE", "full", 1e-5, seed, score) for seed, score in enumerate((0.70, 0.71, 0.50))]
    trials += [trial("CoLA", "full", 1e-5, seed, score) for seed, score in enumerate((0.80, 0.80))]
    with open_results(write(trials)) as results:
        (row,) = average_table(results.trials).itertuples()
    assert row.average == pytest.approx((1.91 / 3 + 0.80) / 2)
    assert row.low < row.average < row.high


def test_shares_are_given_with_and_without_the_head(small_file):
    with open_results(small_file) as results:
        assert head_size(results) == 8
        table = average_table(results.trials, head_size(results)).set_index("method")
    assert table.loc["layernorm", ["share", "share_without_head"]].tolist() == pytest.approx(
        [24 / 132, 16 / 124]
    )


def test_without_maps_the_size_of_the_head_is_unknown(write):
    with open_results(write([trial("RTE", "full", 1e-5, 1, 0.7)])) as results:
        assert math.isnan(head_size(results))
        table = average_table(results.trials, head_size(results))
    assert math.isnan(table["share_without_head"].item())
