import numpy as np
import pytest
from scipy import stats

from tunescope_analysis.stats import signed_rank as signed_rank_module
from tunescope_analysis.stats.signed_rank import signed_rank


def test_signed_rank_by_hand():
    # all five positive: 2 of 32 sign patterns are as extreme
    test = signed_rank(np.array([1.0, 2.0, 3.0, 4.0, 5.0]))
    assert test.p == pytest.approx(2 / 32)
    assert (test.pairs, test.smallest, test.is_exact) == (5, 2 / 32, True)


def test_signed_rank_of_the_example_of_r():
    # Hollander and Wolfe (1973), depression scale; wilcox.test(before, after, paired = TRUE): p = 0.03906
    before = np.array([1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30])
    after = np.array([0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29])
    assert signed_rank(before - after).p == pytest.approx(0.03906, abs=5e-6)


def test_ties_take_all_sign_patterns():
    # ranks 2, 2, 2, 4 with one small negative: W− = 2; patterns with min(W+, W−) ≤ 2: 2 · (1 + 3) of 16
    assert signed_rank(np.array([1.0, 1.0, -1.0, 2.0])).p == pytest.approx(8 / 16)


def test_differences_equal_up_to_rounding_are_ties():
    # 0.70 − 0.69 and 0.80 − 0.79 differ in the last bit
    values = np.array([0.70 - 0.69, -(0.80 - 0.79), 0.02, 0.03])
    assert signed_rank(values).p == signed_rank(np.array([0.01, -0.01, 0.02, 0.03])).p


def test_zeros_are_left_out_and_said():
    test = signed_rank(np.array([0.0, 0.0, 1.0, 2.0, 3.0]))
    assert (test.pairs, test.p) == (3, pytest.approx(2 / 8))


@pytest.mark.parametrize(("values", "p"), [([], np.nan), ([0.0, 0.0], 1.0), ([np.nan], np.nan)])
def test_nothing_to_test(values, p):
    test = signed_rank(np.array(values))
    assert test.p == pytest.approx(p, nan_ok=True)
    assert test.pairs == 0


def test_one_pair_reaches_nothing():
    assert signed_rank(np.array([0.3])).p == 1
    assert signed_rank(np.array([0.3])).smallest == 1


def test_many_tied_pairs_are_sampled_near_the_normal_approximation(monkeypatch):
    monkeypatch.setattr(
        signed_rank_module, "SIGN_PATTERNS", 9_999
    )  # ten times as many take ten times as long
    values = np.array([1.0] * 15 + [-1.0] * 5 + [2.0] * 5)
    test = signed_rank(values)
    assert not test.is_exact
    assert test.p == pytest.approx(stats.wilcoxon(values, method="asymptotic").pvalue, abs=0.01)
