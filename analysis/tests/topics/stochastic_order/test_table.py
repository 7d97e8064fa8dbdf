import pytest
from small_sweep import trial

from tunescope_analysis import open_results
from tunescope_analysis.topics.stochastic_order.table import order_table


def scores(task, method, values):
    return [trial(task, "full", 1e-5, seed, value) | {"method": method} for seed, value in enumerate(values)]


@pytest.fixture
def trials():
    low, high = [0.50, 0.51, 0.49, 0.50, 0.52], [0.70, 0.71, 0.69, 0.72, 0.70]
    return [*scores("RTE", "full", high), *scores("RTE", "layernorm", low),
            *scores("RTE", "bitfit", [0.6]), *scores("CoLA", "layernorm", low)]  # fmt: skip


def test_every_ordered_pair_with_two_seeds_is_compared(write, trials):
    with open_results(write(trials)) as results:
        table = order_table(results.trials)
    assert table[["task", "first", "second", "seeds", "ratio", "is_better"]].values.tolist() == [
        ["RTE", "full", "layernorm", 5, 0.0, True],
        ["RTE", "layernorm", "full", 5, 1.0, False],
    ]
