import numpy as np
import pytest
from small_sweep import LEARNED_TASKS, sweep

from tunescope_analysis import open_results
from tunescope_analysis.stats.power import t_effect
from tunescope_analysis.topics.power.table import power_table, seed_deviation
from tunescope_analysis.topics.scores.pairs import paired_scores


def table_of(path):
    with open_results(path) as results:
        return power_table(results.trials).set_index(["unit", "method"])


def test_the_smallest_difference_follows_from_pairs_and_spread(write):
    path = write(sweep({"layernorm": -0.01, "bitfit": 0.0}))
    table = table_of(path)
    row = table.loc[("task and seed", "layernorm")]
    assert row[["tasks", "pairs"]].tolist() == [3, 12]
    with open_results(path) as results:
        pairs = paired_scores(results.trials, "layernorm", "full")["difference"]
    assert row["deviation"] == pytest.approx(np.std(pairs, ddof=1))
    assert row["t_difference"] == pytest.approx(row["deviation"] * t_effect(12))
    assert row["signed_rank_difference"] > row["t_difference"] > row["margin"]
    # three tasks are too few for Wilcoxon's test, whatever comes out
    assert np.isinf(table.loc[("task", "layernorm"), "signed_rank_difference"])


def test_by_seeds_alone_means_of_four_seeds_spread_half_as_far(write):
    rows = table_of(write(sweep({"layernorm": -0.01}))).xs("layernorm", level="method")
    assert rows.loc["task and seed", "seed_difference"] == pytest.approx(
        np.sqrt(2) * rows.loc["task and seed", "seed_deviation"] * t_effect(12)
    )
    assert rows.loc["task", "seed_difference"] == pytest.approx(
        np.sqrt(2) * rows.loc["task", "seed_deviation"] / 2 * t_effect(3)
    )


def test_the_spread_between_seeds_is_pooled_over_tasks_and_both_methods(write):
    with open_results(write(sweep({"layernorm": -0.01}))) as results:
        pooled = seed_deviation(results.trials, "layernorm", set(LEARNED_TASKS))
        scores = results.trials["score"].values.reshape(3, 4, 2)  # task, seed, method
    assert pooled == pytest.approx(np.sqrt(scores.var(axis=1, ddof=1).mean()))


def test_pairs_without_spread_or_too_few_have_no_row(write):
    alike = [own | {"score": 0.5 if own["method"] == "full" else 0.4} for own in sweep({"layernorm": 0.0})]
    assert table_of(write(alike)).empty
    assert table_of(write(sweep({"layernorm": 0.0}, seeds=1, tasks=("CoLA",)))).empty
    assert table_of(write([])).empty


def test_one_seed_has_pairs_over_tasks_and_no_spread_between_seeds(write):
    row = table_of(write(sweep({"layernorm": -0.01}, seeds=1))).loc[("task and seed", "layernorm")]
    assert row["pairs"] == 3
    assert np.isnan(row["seed_deviation"])
