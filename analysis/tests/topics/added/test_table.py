import numpy as np
import pandas as pd
import pytest
from added_sweep import added_content, gpt2_content
from make_file import write_file

from tunescope_analysis import open_results
from tunescope_analysis.topics.added.table import added_table, over_layers


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = write_file(tmp_path_factory.mktemp("added") / "added.h5", added_content())
    with open_results(path) as results:
        yield added_table(results).set_index(["method", "task", "layer", "target", "kind"])


def at(table, method, kind, layer="0", target="attention.self.query"):
    return table.loc[(method, "RTE", layer, target, kind)]


def test_change_is_relative_and_a_mean_over_seeds(table):
    assert at(table, "lora:rank=2", "A")["change"] == pytest.approx((0.1 + 0.3) / 2)
    assert at(table, "ia3", "vector", target="output.dense")["change"] == pytest.approx(0.05)


def test_change_of_b_is_in_units_of_its_a_before_training(table):
    # A of the first seed: rms 0.02 and relative 0.1, so 0.2 before; of the second: 0.06 and 0.3, so 0.2
    assert at(table, "lora:rank=2", "B")["change"] == pytest.approx((0.04 / 0.2 + 0.06 / 0.2) / 2)


def test_change_of_an_adapters_biases_is_in_units_of_its_matrices_before_training(table):
    # D: rms 0.01 and relative 0.5, so 0.02 before; U: 0.04 and 0.4, so 0.1
    changes = [at(table, "adapter:size=2", kind, target="output.dense")["change"] for kind in "DdUu"]
    assert changes == pytest.approx([0.5, 0.03 / 0.02, 0.4, 0.02 / 0.1])


def test_adapters_change_no_weight(table):
    rows = table.loc["adapter:size=2"]
    assert len(rows) == 2 * 4
    assert rows[["merged", "full"]].isna().all(axis=None)


def test_the_weight_stands_beside_it_merged_and_by_full_fine_tuning(table):
    for kind in ("A", "B"):
        row = at(table, "lora:rank=2", kind)
        assert row["merged"] == pytest.approx((0.01 + 0.03) / 2)
        assert row["full"] == pytest.approx(0.5)
    assert at(table, "lora:rank=2", "A", layer="1")["full"] == pytest.approx(0.6)


def test_fisher_information_is_of_the_latest_point_in_training(table):
    assert at(table, "lora:rank=2", "A")["fisher"] == pytest.approx(2.5)
    assert at(table, "lora:rank=2", "B")["fisher"] == pytest.approx(7.0)
    assert np.isnan(at(table, "ia3", "vector", target="output.dense")["fisher"])
    assert [at(table, "adapter:size=2", kind, target="output.dense")["fisher"] for kind in "DdUu"] == [
        1,
        3,
        2,
        4,
    ]


def test_has_a_row_for_each_tensor(table):
    assert len(table) == 2 * 2 + 2 + 2 * 4
    assert table["size"].loc["lora:rank=2"].tolist() == [8, 8, 8, 8]
    assert over_layers(table.reset_index())["change"].notna().sum() == 3 + 4


def test_weights_are_compared_on_the_tasks_that_have_both():
    lora = {"method": "lora", "layer": "0", "target": "query", "kind": "A", "change": 1.0, "fisher": np.nan}
    rows = [{**lora, "task": "CoLA", "merged": 0.10, "full": np.nan},
            {**lora, "task": "RTE", "merged": 0.02, "full": 0.5}]  # fmt: skip
    (summary,) = over_layers(pd.DataFrame(rows)).to_dict("records")
    assert (summary["merged"], summary["full"]) == (0.02, 0.5)
    (summary,) = over_layers(pd.DataFrame(rows[:1])).to_dict("records")
    assert summary["merged"] == 0.10


def test_a_part_of_a_joined_layer_has_its_name_and_the_joined_weight(tmp_path):
    with open_results(write_file(tmp_path / "gpt2.h5", gpt2_content())) as results:
        row = added_table(results).iloc[0]
    assert row["target"] == "attention.self.query"
    assert row["weight"] == "attention.self.query_key_value.weight"
    assert row["merged"] == pytest.approx(0.25)


def test_without_added_tensors_there_are_no_rows(small_file):
    with open_results(small_file) as results:
        assert added_table(results).empty
