import numpy as np
import pytest
from small_sweep import trial

from tunescope_analysis import open_results
from tunescope_analysis.topics.selection.table import optimism_table


def run(rate, seed, scores, selection_scores, **more):
    """A trial, and its evaluations: its step is the one whose selection score is best."""
    best = int(np.argmax(selection_scores))
    own = {"selection": "half-dev", "selection_score": selection_scores[best], "dev_examples": 139}
    return trial("RTE", "full", rate, seed, scores[best], **own | more), scores


def table_of(write, runs):
    trials = [entry for entry, _ in runs]
    evaluations = [
        {"trial": place, "step": step, "epoch": step, "loss": 0.5, "accuracy": score}
        for place, (_, scores) in enumerate(runs)
        for step, score in enumerate(scores, 1)
    ]
    with open_results(write(trials, evaluations=evaluations)) as results:
        return optimism_table(results)


def test_optimism_is_what_choosing_step_and_rate_on_the_reported_examples_gains(write):
    runs = [
        run(1e-5, 1, [0.60, 0.64], [0.70, 0.60]),
        run(1e-5, 2, [0.62, 0.60], [0.70, 0.68]),
        run(2e-5, 1, [0.66, 0.70], [0.66, 0.60]),
        run(2e-5, 2, [0.61, 0.60], [0.50, 0.60]),
    ]
    (row,) = table_of(write, runs).itertuples()
    # apart: 1e-5 has (0.70 + 0.70) / 2 and reports (0.60 + 0.62) / 2 at the first steps
    assert row.chosen_apart == pytest.approx(0.61)
    # on the reported examples: 1e-5 has (0.64 + 0.62) / 2 = 0.63, 2e-5 (0.70 + 0.61) / 2 = 0.655
    assert row.chosen_on_reported == pytest.approx(0.655)
    assert row.optimism == pytest.approx(0.045)
    assert (row.runs, row.evaluations, row.examples) == (4, 8, 139)


def test_a_diverged_run_counts_against_its_rate_either_way(write):
    runs = [
        run(1e-5, 1, [0.60], [0.60]),
        run(2e-5, 1, [0.70], [0.70]),
        run(2e-5, 2, [np.nan], [np.nan], state="diverged"),
    ]
    (row,) = table_of(write, runs).itertuples()
    assert (row.chosen_apart, row.chosen_on_reported, row.runs) == (0.60, 0.60, 2)


def test_trials_that_were_chosen_on_the_dev_set_have_none(write, small_file):
    with open_results(small_file) as results:
        assert optimism_table(results).empty
    mixed = [run(1e-5, 1, [0.6], [0.6]), run(1e-5, 2, [0.9], [0.9], selection="dev")]
    assert table_of(write, mixed)["chosen_apart"].tolist() == [0.6]
