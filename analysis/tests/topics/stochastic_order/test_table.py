import pytest
from small_sweep import ordered_sweep

from tunescope_analysis import open_results
from tunescope_analysis.topics.stochastic_order.table import order_table


@pytest.fixture
def trials():
    return ordered_sweep()


def test_every_ordered_pair_with_two_seeds_is_compared(write, trials):
    with open_results(write(trials)) as results:
        table = order_table(results.trials)
    assert table[["task", "first", "second", "seeds", "ratio", "is_better"]].values.tolist() == [
        ["RTE", "full", "layernorm", 5, 0.0, True],
        ["RTE", "layernorm", "full", 5, 1.0, False],
    ]
