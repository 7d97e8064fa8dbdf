import numpy as np
import pytest
from small_sweep import fisher_of

from tunescope_analysis import open_results
from tunescope_analysis.topics.fisher.runs import default_runs, settings_sentence


@pytest.fixture
def results(fisher_file):
    with open_results(fisher_file) as opened:
        yield opened


def test_default_runs_are_per_example_of_most_examples_after_training(results):
    assert default_runs(results.fisher).index.tolist() == [5, 0, 1]


def test_default_settings_prefer_given_labels_then_full_then_late_points(open_runs):
    runs = [
        {"mode": "true", "examples": 5000},
        {"at": "head"},
        {"point": 0.5},
        {"examples": 10},
        {"batch_size": 4},
    ]
    assert default_runs(open_runs(runs)).index.tolist() == [3]


def test_default_settings_prefer_maps_of_all_tensors(open_runs):
    maps = fisher_of([1.0, 1.0])
    for values in maps.values():
        values[0, :, [0, 2, 4]] = np.nan
    assert default_runs(open_runs([{"batch_size": 1}, {"batch_size": 8}], maps)).index.tolist() == [1]


def test_setting_names_the_products_only_if_they_are_rounded(open_runs):
    runs = default_runs(open_runs([{"precision": "bfloat16"}]))
    assert settings_sentence("Setting", runs).endswith("training by full, products in bfloat16.")
    assert settings_sentence("Setting", runs.assign(precision="float32")).endswith("training by full.")
    of_earlier_file = runs.drop(columns="precision")
    assert settings_sentence("Setting", of_earlier_file).endswith("training by full.")


def test_setting_says_how_many_draws_an_estimate_took(open_runs):
    runs = default_runs(open_runs([{"mode": "hutchinson"}])).assign(draws=1)
    assert ", true labels estimated by 1 draw of signs, " in settings_sentence("Setting", runs)
    assert " by 4 draws of signs, " in settings_sentence("Setting", runs.assign(draws=4))
