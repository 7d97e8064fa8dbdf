import numpy as np
import pandas as pd
import pytest
from small_sweep import COMPONENTS, LAYERS, SIZE, fisher_of

from tunescope_analysis import open_results
from tunescope_analysis.stats.rank_agreement import AGREEMENTS
from tunescope_analysis.topics.stability.table import (
    agreement_with_reference,
    differing_factor,
    pair_table,
    summarize_pairs,
)


@pytest.fixture
def results(fisher_file):
    with open_results(fisher_file) as opened:
        yield opened


@pytest.fixture
def pairs(results):
    return pair_table(results)


def test_every_pair_of_a_task_is_compared_on_scalars_where_kept_and_on_tensors(pairs):
    counts = pairs.groupby(["level", "task"]).size().to_dict()
    assert counts == {("scalar", "RTE"): 3, ("tensor", "RTE"): 10}  # CoLA has one run
    assert set(pairs.loc[pairs["level"] == "scalar", "items"]) == {4}
    assert set(pairs.loc[pairs["level"] == "tensor", "items"]) == {8}  # without the head


def test_scalars_of_layernorm_are_compared_by_hand(pairs):
    scalars = pairs[pairs["level"] == "scalar"].set_index(["first_run", "second_run"])
    # 4 3 2 1 against 4 3 1 2: one of six pairs discordant; against 1 2 3 4: reversed
    assert scalars.loc[(0, 1), "kendall"] == pytest.approx(4 / 6)
    assert scalars.loc[(0, 1), "spearman"] == pytest.approx(1 - 6 * 2 / (4 * 15))
    assert scalars.loc[(0, 1), "jaccard"] == 1  # the top is one item
    assert scalars.loc[(0, 2), ["spearman", "kendall", "jaccard"]].tolist() == pytest.approx([-1, -1, 0])


def test_pairs_are_grouped_by_the_one_setting_that_differs(pairs):
    tensors = pairs[pairs["level"] == "tensor"].set_index(["first_run", "second_run"])
    assert tensors.loc[(0, 1), "differs"] == "seed"
    assert tensors.loc[(0, 2), ["differs", "first_value", "second_value"]].tolist() == [
        "batch_size",
        "1",
        "8",
    ]
    assert tensors.loc[(3, 0), ["differs", "first_value", "second_value"]].tolist() == [
        "examples",
        "256",
        "1024",
    ]
    assert tensors.loc[(4, 0), ["differs", "first_value", "second_value"]].tolist() == ["point", "0", "1"]
    assert (tensors["differs"] == "several").sum() == 6
    assert tensors.loc[(3, 0), "first_id"] == f"f{3:015x}"


def run(**settings):
    defaults = {"batch_size": 1, "examples": 64, "point": 1.0, "mode": "true", "seed": 1, "at": "full",
                "learning_rate": 2e-5}  # fmt: skip
    return pd.Series(defaults | settings)


@pytest.mark.parametrize(
    ("first", "second", "factor"),
    [
        (run(), run(), "nothing"),
        (run(), run(seed=2), "seed"),
        (run(), run(mode="empirical"), "mode"),
        (run(), run(at="head", learning_rate=1e-3), "at"),
        (run(), run(learning_rate=1e-4), "learning_rate"),
        (run(), run(seed=2, point=0.5), "several"),
    ],
)
def test_names_the_factor(first, second, factor):
    assert differing_factor(first, second) == factor


def test_summary_has_a_row_for_each_change_of_a_setting(pairs):
    table = summarize_pairs(pairs)
    tensors = table[table["level"] == "tensor"]
    assert tensors["differs"].tolist() == ["batch_size", "examples", "point", "seed", "several"]
    assert tensors["pairs"].tolist() == [1, 1, 1, 1, 6]
    # the runs of the small file differ by a factor only
    assert tensors["spearman"].tolist() == pytest.approx([1] * 5)


def test_the_reference_is_the_default_setting(pairs, results):
    table = agreement_with_reference(pairs, results.fisher)
    scalars = table[table["level"] == "scalar"]
    assert scalars[["differs", "reference", "value", "pairs"]].values.tolist() == [
        ["seed", "", "", 1],
        ["batch_size", "1", "8", 1],
    ]
    tensors = table[table["level"] == "tensor"].set_index("differs")
    assert tensors.loc["examples", ["reference", "value"]].tolist() == ["1024", "256"]


def test_tensors_that_one_run_lacks_are_left_out(write):
    maps = fisher_of([1.0, 2.0])
    maps["mean"][1, 0, 0] = np.nan
    path = write([], layers=LAYERS, components=COMPONENTS, size=SIZE, fisher=maps,
                 fisher_runs=[{"seed": 1}, {"seed": 2}])  # fmt: skip
    with open_results(path) as results:
        assert pair_table(results)["items"].tolist() == [7]


def test_a_single_run_has_nothing_to_compare(write):
    path = write(
        [], layers=LAYERS, components=COMPONENTS, size=SIZE, fisher=fisher_of([1.0]), fisher_runs=[{}]
    )
    with open_results(path) as results:
        pairs = pair_table(results)
        assert pairs.empty
        assert summarize_pairs(pairs).empty
        assert agreement_with_reference(pairs, results.fisher).empty
        assert set(AGREEMENTS) <= set(pairs.columns)
