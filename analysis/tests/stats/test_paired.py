import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tunescope_analysis.stats.paired import compare_pairs, equivalence_p, mean_difference
from tunescope_analysis.stats.thresholds import LEVEL, MARGIN


def test_equivalence_is_the_larger_of_two_one_sided_t_tests():
    first = np.array([0.70, 0.68, 0.71, 0.69])
    second = np.array([0.69, 0.69, 0.70, 0.69])
    difference = first - second
    sem = difference.std(ddof=1) / 2
    upper = stats.t.cdf((difference.mean() - MARGIN) / sem, 3)
    lower = stats.t.sf((difference.mean() + MARGIN) / sem, 3)
    assert equivalence_p(first, second) == pytest.approx(max(upper, lower), rel=1e-9)


def test_equal_differences_leave_no_p():
    first = np.array([0.5, 0.6])
    assert np.isnan(equivalence_p(first, first - 0.005))
    assert np.isnan(equivalence_p(first[:1], first[:1]))


@given(st.lists(st.floats(-0.05, 0.05), min_size=3, max_size=12))
def test_the_interval_lies_inside_the_margin_just_where_the_test_says_so(differences):
    values = np.array(differences)
    if np.ptp(values) < 1e-6:
        return
    none = np.zeros_like(values)
    _, low, high = mean_difference(values, none)
    assert (equivalence_p(values, none) < LEVEL) == (low > -MARGIN and high < MARGIN)


def test_several_comparisons_widen_the_interval():
    differences = np.array([0.02, 0.01, 0.03])
    mean, *interval = mean_difference(differences, np.zeros(3), comparisons=5)
    expected = stats.ttest_1samp(differences, 0).confidence_interval(1 - 2 * LEVEL / 5)
    assert (mean, *interval) == pytest.approx((0.02, *expected))


def test_one_pair_has_no_interval():
    row = compare_pairs(np.array([0.5]), np.array([0.4]))
    assert np.isnan([row["low"], row["high"]]).all()
    assert (row["pairs"], row["p"], row["smallest_p"]) == (1, 1, 1)
