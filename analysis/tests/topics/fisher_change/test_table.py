import numpy as np
import pandas as pd
import pytest

from tunescope_analysis import open_results
from tunescope_analysis.topics.fisher_change.table import correlation_by_task, fisher_and_change


def test_joins_the_maps_tensor_by_tensor_without_the_head(fisher_file):
    with open_results(fisher_file) as results:
        frame = fisher_and_change(results.fisher, results.change, results.trials)
    assert len(frame) == 2 * 8
    assert "head" not in set(frame["layer"])
    keys = frame.set_index(["task", "layer", "component"])
    cell = keys.loc[("RTE", "0", "output.LayerNorm.weight")]
    assert (cell["fisher"], cell["mean_abs"], cell["rms"]) == (20, 10.5, 21)


def test_correlates_each_measure_by_task(fisher_file):
    with open_results(fisher_file) as results:
        table = correlation_by_task(fisher_and_change(results.fisher, results.change, results.trials))
    assert len(table) == 2 * 4
    # both order word embeddings < output dense < pooler < attention LayerNorm < output LayerNorm
    assert table["spearman"].tolist() == pytest.approx([1] * 8)
    assert set(table["tensors"]) == {8}


def frame_of(fisher, change):
    return pd.DataFrame({"task": "RTE", "layer": "0", "component": "a", "rms": change, "fisher": fisher})


def test_ties_are_ranked_in_the_middle():
    # ranks 1, 2.5, 2.5, 4 and 1, 2, 3, 4: Pearson 4.5 / sqrt(4.5 · 5)
    table = correlation_by_task(frame_of([1, 2, 2, 3], [1, 2, 3, 4]))
    assert table["spearman"].item() == pytest.approx(4.5 / np.sqrt(4.5 * 5))


@pytest.mark.parametrize("fisher", [[1.0, 2.0], [1.0, 1.0, 1.0], [1.0, np.nan, 2.0, np.nan]])
def test_too_few_or_equal_tensors_have_no_correlation(fisher):
    assert np.isnan(correlation_by_task(frame_of(fisher, np.arange(len(fisher))))["spearman"].item())
