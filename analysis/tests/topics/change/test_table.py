import numpy as np
import pytest
from small_sweep import SIZE

from tunescope_analysis import open_results
from tunescope_analysis.topics.change.table import (
    change_by_task,
    change_table,
    component_ranking,
    find_leaders,
    mean_over_tasks,
    method_for_change,
)

OUTPUT = "output.LayerNorm.weight"


@pytest.fixture
def results(small_file):
    with open_results(small_file) as opened:
        yield opened


@pytest.fixture
def by_task(results):
    return change_by_task(results.change, results.trials)


def test_means_over_the_seeds_at_the_best_learning_rate(by_task):
    # RTE: trials 0 and 1, so 10.5 and 20.5; CoLA: trials 6 and 7, so 16.5 and 26.5
    assert by_task.dims == ("task", "layer", "component")
    assert by_task.sel(task="RTE", component=OUTPUT, layer=["0", "1"]).values.tolist() == [10.5, 20.5]
    assert by_task.sel(task="CoLA", component=OUTPUT, layer=["0", "1"]).values.tolist() == [16.5, 26.5]


def test_mean_over_tasks_weighs_tasks_alike(by_task):
    assert mean_over_tasks(by_task).sel(component=OUTPUT, layer=["0", "1"]).values.tolist() == [13.5, 23.5]


def test_cells_without_a_tensor_stay_missing(by_task):
    assert np.array_equal(by_task.isnull().sel(task="RTE").values, SIZE == 0)


def test_failed_trials_and_other_methods_do_not_enter(results):
    values = change_by_task(results.change, results.trials, method="layernorm")
    # RTE: trial 8 alone, 9 failed
    assert values.sel(task="RTE", layer="0", component=OUTPUT) == 18


def test_a_task_without_a_finished_trial_is_left_out(results):
    values = change_by_task(results.change, results.trials, method="bitfit")
    assert values["task"].values.tolist() == ["RTE"]


def test_an_absent_method_gives_no_tasks(results):
    values = change_by_task(results.change, results.trials, method="lora")
    assert values.sizes["task"] == 0
    assert find_leaders(values) is None


def test_ranking_is_the_mean_over_layers_without_the_head(by_task):
    ranking = component_ranking(mean_over_tasks(by_task))
    assert ranking.to_dict() == {
        OUTPUT: 18.5,
        "attention.output.LayerNorm.weight": 5.0,
        "dense.weight": 3.0,
        "output.dense.weight": 2.0,
        "word_embeddings.weight": 1.0,
    }
    assert ranking.index[:2].tolist() == [OUTPUT, "attention.output.LayerNorm.weight"]


def test_counts_the_tasks_on_which_layernorm_leads(by_task):
    values = by_task.copy()
    values.loc[{"task": "RTE", "component": OUTPUT}] = 4.0
    finding = find_leaders(values)
    # CoLA: output LayerNorm leads; RTE: attention output LayerNorm (5.0) does
    assert (finding.tasks, finding.layernorm_tasks, finding.output_layernorm_tasks) == (2, 2, 1)
    values.loc[{"task": "RTE", "component": "output.dense.weight"}] = 6.0
    finding = find_leaders(values)
    assert (finding.tasks, finding.layernorm_tasks, finding.output_layernorm_tasks) == (2, 1, 1)


def test_full_is_preferred_then_the_method_with_most_parameters(results):
    assert method_for_change(results.trials) == "full"
    without = results.trials.sel(trial=results.trials["method"] != "full")
    assert method_for_change(without) == "layernorm"
    assert method_for_change(without.isel(trial=[])) is None


def test_table_has_a_row_for_each_tensor_and_task(results):
    table = change_table(results.change, results.trials, "full")
    assert len(table) == 3 * (SIZE > 0).sum()
    cell = table[(table["task"] == "mean") & (table["layer"] == "1") & (table["component"] == OUTPUT)].iloc[0]
    numbers = cell[["size", "mean_abs", "rms", "relative_l2", "max_abs"]].tolist()
    assert numbers == pytest.approx([4, 23.5, 47.0, 0.235, 70.5], rel=1e-12)
