import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunescope_analysis.stats.stochastic_order import (
    BETTER_BELOW,
    FALSE_ALARMS,
    epsilon_bounds,
    violation_ratio,
)

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "stochastic_order.json").read_text())


SAMPLES = st.lists(st.integers(-50, 50).map(lambda n: n / 10), min_size=1, max_size=8).map(np.array)


@pytest.mark.parametrize("case", GOLDEN)
def test_ratio_and_bound_are_those_of_deep_significance(case):
    ratio, bound, _ = epsilon_bounds(np.array(case["first"]), np.array(case["second"]))
    assert ratio == pytest.approx(case["ratio"], abs=0.003)  # its sum has steps of 0.0005
    assert bound == pytest.approx(case["bound"], abs=0.03)  # of 1,000 draws, there of 4,000


def test_ratio_by_hand():
    # quantiles 1 | 4 against 2 | 2 on the halves: distances −1 and 2, so 1 of 1 + 4 against
    assert violation_ratio(np.array([4.0, 1.0]), np.array([2.0])) == pytest.approx(1 / 5)
    # 0, 3 on halves against 1, 1, 2 on thirds: −1 on 1/2, 2 on 1/6, 1 on 1/3
    assert violation_ratio(np.array([0.0, 3.0]), np.array([1.0, 1.0, 2.0])) == pytest.approx(
        (1 / 2) / (1 / 2 + 4 / 6 + 1 / 3)
    )


def test_ratio_agrees_with_a_fine_sum_over_quantiles():
    rng = np.random.default_rng(3)
    first, second = rng.normal(size=7), rng.normal(size=4)
    t = (np.arange(100_000) + 0.5) / 100_000
    difference = np.quantile(first, t, method="inverted_cdf") - np.quantile(second, t, method="inverted_cdf")
    expected = (np.minimum(difference, 0) ** 2).sum() / (difference**2).sum()
    assert violation_ratio(first, second) == pytest.approx(expected, abs=1e-4)


@given(SAMPLES, SAMPLES)
def test_ratio_of_the_reverse_is_the_rest(first, second):
    ratio = violation_ratio(first, second)
    assert 0 <= ratio <= 1
    assert violation_ratio(second, first) == pytest.approx(1 - ratio)


@given(SAMPLES)
def test_equal_samples_are_in_neither_order_and_higher_ones_always_in_one(sample):
    assert violation_ratio(sample, sample[::-1]) == 0.5
    assert violation_ratio(sample + 1, sample) == 0


def test_bounds_are_the_same_every_time_and_lie_above_the_ratio():
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=6), rng.normal(size=5)
    ratio, forward, backward = epsilon_bounds(first, second)
    assert (ratio, forward, backward) == epsilon_bounds(first, second)
    assert ratio <= forward <= 1
    assert 1 - ratio <= backward <= 1


@pytest.mark.parametrize("seeds", FALSE_ALARMS)
def test_false_alarms_are_as_rare_as_the_report_says(seeds):
    rng = np.random.default_rng(seeds)
    bounds = [min(epsilon_bounds(*rng.normal(size=(2, seeds)))[1:]) for _ in range(1500)]
    assert np.mean(np.array(bounds) < BETTER_BELOW) == pytest.approx(FALSE_ALARMS[seeds], abs=0.02)
