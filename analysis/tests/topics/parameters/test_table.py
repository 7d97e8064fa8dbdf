import math

import pytest
from small_sweep import trial

from tunescope_analysis import open_results
from tunescope_analysis.io.results import head_size
from tunescope_analysis.topics.parameters.table import average_table, method_parameters
from tunescope_analysis.topics.scores.table import score_table


@pytest.fixture
def table(small_file):
    with open_results(small_file) as results:
        return score_table(results.trials)


def table_of(path):
    with open_results(path) as results:
        return score_table(results.trials)


def test_trainable_parameters_are_medians_over_tasks(write):
    counts = {"RTE": 10, "CoLA": 14}
    trials = [trial(task, "full", 1e-5, 1, 0.5) | {"trainable_parameters": n} for task, n in counts.items()]
    assert method_parameters(table_of(write(trials)))["trainable_parameters"].tolist() == [12]


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
