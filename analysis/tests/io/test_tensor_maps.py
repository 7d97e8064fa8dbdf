import numpy as np
import pytest
from small_sweep import COMPONENTS, LAYERS, SIZE, trial

from tunescope_analysis import open_results
from tunescope_analysis.io.tensor_maps import layers_of
from tunescope_analysis.topics.change.table import change_by_task

OUTPUT = "output.LayerNorm.weight"


@pytest.fixture
def results(small_file):
    with open_results(small_file) as opened:
        yield opened


@pytest.fixture
def by_task(results):
    return change_by_task(results.change, results.trials)


def test_infinite_change_of_a_tensor_that_was_zero_counts_as_missing(write):
    values = np.where(SIZE > 0, 1.0, np.nan)[None]
    values[0, 4, 5] = np.inf
    path = write([trial("RTE", "full", 1e-5, 1, 0.5)], layers=LAYERS, components=COMPONENTS, size=SIZE,
                 change={"relative_l2": values})  # fmt: skip
    with open_results(path) as opened:
        by_task = change_by_task(opened.change, opened.trials, "relative_l2")
        assert np.isnan(by_task.sel(layer="head", component="weight").item())


def test_finds_the_layers_of_a_component(by_task):
    assert layers_of(by_task, OUTPUT) == ["0", "1"]
    assert layers_of(by_task.sel(task="RTE"), "weight") == ["head"]
