import numpy as np
import pytest
import xarray as xr

from tunescope_analysis.report.claims import Ruling
from tunescope_analysis.topics.ratios import output_bias_ratio, ratio_over_tasks


def ratio_of(*quotients, comparisons=1):
    return ratio_over_tasks(np.array(quotients, dtype=float), np.ones(len(quotients)), comparisons)


def test_a_ratio_is_the_geometric_mean_with_an_interval_of_the_logarithms():
    ratio = ratio_of(2, 4, 8)
    # logarithms to base 2: mean 2, deviation 1, three tasks; the 95th percentile of t is 2.919986
    half = 2.919986 / np.sqrt(3)
    assert (ratio.value, ratio.low, ratio.high) == pytest.approx((4, 2 ** (2 - half), 2 ** (2 + half)))
    assert ratio.words == "4.00 times (90 % interval 1.24 to 12.9, larger on 3 of 3 tasks)"


@pytest.mark.parametrize(
    ("quotients", "ruling"),
    [
        ((2, 4, 8), Ruling.SUPPORTED),
        ((1 / 2, 1 / 4, 1 / 8), Ruling.NOT_SUPPORTED),
        ((1 / 2, 2, 4), Ruling.NOT_DECIDABLE),
        ((4, 4.1), Ruling.NOT_DECIDABLE),  # two tasks
        ((4, 4, 4), Ruling.NOT_DECIDABLE),  # by luck, or by a rule that is no measurement
    ],
)
def test_the_whole_interval_has_to_lie_on_one_side_of_one(quotients, ruling):
    assert ratio_of(*quotients).ruling == ruling


def test_several_comparisons_widen_the_interval():
    assert ratio_of(2, 4, 8, comparisons=2).ruling == Ruling.NOT_DECIDABLE
    assert "95 % interval 0.715 to 22.4" in ratio_of(2, 4, 8, comparisons=2).words  # t is 4.302653


def test_tasks_without_both_quantities_do_not_count():
    ratio = ratio_over_tasks(np.array([2, 0, np.nan, 8.0]), np.array([1, 1, 1, 1.0]))
    assert (ratio.value, ratio.tasks) == (pytest.approx(4), 2)
    assert "a claim about tasks needs 3" in ratio.words
    assert ratio_over_tasks(np.zeros(2), np.ones(2)) is None


def test_biases_are_compared_with_weights_if_both_are_there():
    values = xr.DataArray(
        [[1.0, 3.0], [1.0, 12.0]],
        {"task": ["RTE", "CoLA"], "component": ["output.LayerNorm.weight", "output.LayerNorm.bias"]},
        ("task", "component"),
    )
    assert output_bias_ratio(values).value == pytest.approx(6)
    assert output_bias_ratio(values.isel(component=[0])) is None
