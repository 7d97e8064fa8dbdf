import pytest
from small_sweep import trial

from tunescope_analysis import open_results
from tunescope_analysis.topics.scores.pairs import paired_scores


def test_pairs_are_tasks_and_seeds_at_each_ones_best_learning_rate(small_file):
    with open_results(small_file) as results:
        frame = paired_scores(results.trials, "layernorm", "full")
    # RTE: seed 2 of layernorm failed; CoLA: full is best at 2e-5
    assert frame[["task", "seed"]].values.tolist() == [["CoLA", 1], ["CoLA", 2], ["RTE", 1]]
    assert frame["difference"].tolist() == pytest.approx([0.58 - 0.52, 0.58 - 0.60, 0.69 - 0.70])


def test_methods_without_a_common_seed_have_no_pairs(write):
    path = write([trial("RTE", "full", 1e-5, 1, 0.7), trial("RTE", "bitfit", 1e-3, 2, 0.6)])
    with open_results(path) as results:
        assert paired_scores(results.trials, "full", "bitfit").empty
