import numpy as np
import pytest
from small_sweep import trial

from tunescope_analysis import open_results
from tunescope_analysis.topics.task_size.table import size_correlation, size_gaps
from tunescope_analysis.topics.training.table import budget_table, learning_curves, rate_table


@pytest.fixture
def results(small_file):
    with open_results(small_file) as opened:
        yield opened


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


def test_files_without_training_sizes_or_trials_have_no_gaps(write):
    with open_results(write([])) as results:
        assert size_gaps(results.trials).empty
        assert size_gaps(results.trials.drop_vars("train_examples")).empty
        assert rate_table(results.trials).empty
        assert budget_table(results.trials).empty
        assert learning_curves(results.evaluations, results.trials).empty
