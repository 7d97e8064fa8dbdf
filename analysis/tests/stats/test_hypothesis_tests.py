import numpy as np
import pytest
from scipy import stats

from tunescope_analysis.stats.hypothesis_tests import holm, welch


def test_holm_by_hand():
    # 3 · 0.01, 2 · 0.02, 0.04, each at least the one before; NaN does not count
    adjusted = holm(np.array([0.04, 0.01, np.nan, 0.02]))
    assert adjusted.tolist() == pytest.approx([0.04, 0.03, np.nan, 0.04], nan_ok=True)
    assert np.isnan(holm(np.array([np.nan]))).all()
    assert holm(np.array([])).size == 0


def test_welch_is_scipys_and_knows_samples_without_spread():
    one, other = np.array([0.7, 0.71, 0.69]), np.array([0.6, 0.66, 0.7])
    assert welch(one, other) == stats.ttest_ind(one, other, equal_var=False).pvalue
    assert welch(np.array([0.5, 0.5]), np.array([0.5, 0.5])) == 1
    assert np.isnan(welch(np.array([0.5, 0.5]), np.array([0.6, 0.6])))
