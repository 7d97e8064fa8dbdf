import numpy as np
import pytest
import xarray as xr
from small_sweep import SIZE, fisher_of

from tunescope_analysis import open_results
from tunescope_analysis.topics.fisher.table import (
    component_fisher,
    find_fisher_leaders,
    fisher_by_task,
    fisher_table,
    rank_components,
    typical_over_tasks,
)
from tunescope_analysis.topics.fisher_depth.table import depth_profile

OUTPUT = "output.LayerNorm.weight"


@pytest.fixture
def results(fisher_file):
    with open_results(fisher_file) as opened:
        yield opened


def test_maps_are_means_over_seeds_at_the_default_setting(results):
    by_task = fisher_by_task(results.fisher)
    assert by_task.dims == ("task", "layer", "component")
    assert by_task["task"].values.tolist() == ["CoLA", "RTE"]
    assert by_task.sel(task="RTE", component=OUTPUT, layer=["0", "1"]).values.tolist() == [20, 40]
    assert by_task.sel(task="CoLA", component=OUTPUT, layer=["0", "1"]).values.tolist() == [80, 160]
    assert np.array_equal(by_task.isnull().sel(task="RTE").values, SIZE == 0)


def test_what_is_typical_is_the_geometric_mean_and_for_shares_the_plain_one(results):
    typical = typical_over_tasks(fisher_by_task(results.fisher))
    assert typical.sel(component=OUTPUT, layer="0").item() == pytest.approx(40)  # sqrt(20 · 80)
    share = typical_over_tasks(fisher_by_task(results.fisher, "share"))
    assert share.sum().item() == pytest.approx(1)


def test_zeros_stay_zero_in_the_typical_map(open_runs):
    maps = fisher_of([1.0, 1.0])
    maps["mean"][0, 1, 3] = 0.0
    fisher = open_runs([{"task": "RTE"}, {"task": "CoLA"}], maps)
    assert typical_over_tasks(fisher_by_task(fisher)).sel(layer="0", component=OUTPUT) == 0


@pytest.mark.parametrize(
    ("measure", "ranking"),
    [
        # a scalar, four times the base map: 15, 5, 3, 2, 1
        ("mean", {OUTPUT: 60, "attention.output.LayerNorm.weight": 20, "dense.weight": 12,
                  "output.dense.weight": 8, "word_embeddings.weight": 4}),
        # a component, four times 4 (10 + 20), 2 · 16 · 2, 60, 16 · 3, 2 · 4 · 5
        ("sum", {OUTPUT: 480, "output.dense.weight": 256, "word_embeddings.weight": 240, "dense.weight": 192,
                 "attention.output.LayerNorm.weight": 160}),
        ("max", {OUTPUT: 160, "attention.output.LayerNorm.weight": 40, "dense.weight": 24,
                 "output.dense.weight": 16, "word_embeddings.weight": 8}),
        # of 60 + 40 + 64 + 120 + 48 + 800 = 1132, the head in
        ("share", {OUTPUT: 120 / 1132, "output.dense.weight": 64 / 1132, "word_embeddings.weight": 60 / 1132,
                   "dense.weight": 48 / 1132, "attention.output.LayerNorm.weight": 40 / 1132}),
    ],
)  # fmt: skip
def test_ranking_with_and_without_the_size_leaves_the_head_out(results, measure, ranking):
    found = rank_components(fisher_by_task(results.fisher, measure), results.fisher["size"])
    assert found.to_dict() == pytest.approx(ranking)
    assert found.index.tolist() == list(ranking)


def test_a_scalar_counts_alike_in_layers_of_unequal_size():
    size = xr.DataArray([[1], [3]], {"layer": ["0", "1"], "component": ["a.weight"]}, ("layer", "component"))
    mean = xr.DataArray([[8.0], [4.0]], size.coords, size.dims, name="mean")
    assert component_fisher(mean, size).item() == 5  # (1 · 8 + 3 · 4) / 4


def test_leaders_are_counted_over_tasks(results):
    by_task = fisher_by_task(results.fisher).copy()
    by_task.loc[{"task": "RTE", "component": "output.dense.weight"}] = 1000.0
    finding = find_fisher_leaders(by_task, results.fisher["size"])
    # RTE 1000, CoLA 16: typical 126 against sqrt(30 · 120) = 60
    assert finding.component == "output.dense.weight"
    assert finding.value == pytest.approx(np.sqrt(1000 * 16))
    assert (finding.tasks, finding.layernorm_tasks, finding.output_layernorm_tasks) == (2, 1, 1)


def test_table_has_a_row_for_each_tensor_and_task(results):
    table = fisher_table(results.fisher)
    assert len(table) == 3 * (SIZE > 0).sum()
    assert table.columns.tolist() == ["task", "layer", "component", "size", "mean", "sum", "max", "share"]
    cell = table[
        (table["task"] == "typical") & (table["layer"] == "0") & (table["component"] == OUTPUT)
    ].iloc[0]
    assert cell[["size", "mean", "sum", "max"]].tolist() == pytest.approx([4, 40, 160, 80])


def test_a_run_without_any_number_is_left_out(open_runs):
    maps = fisher_of([1.0, np.nan])
    fisher = open_runs([{"task": "RTE"}, {"task": "CoLA"}], maps)
    assert fisher_by_task(fisher)["task"].values.tolist() == ["RTE"]


def test_runs_without_any_number_have_no_maps(open_runs):
    fisher = open_runs([{"task": "RTE"}], fisher_of([np.nan]))
    empty = fisher_by_task(fisher)
    assert empty.sizes["task"] == 0
    assert depth_profile(fisher).size == 0
    assert find_fisher_leaders(empty, fisher["size"]) is None
