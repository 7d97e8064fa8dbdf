from itertools import permutations

import numpy as np
import pytest
from scipy import stats

from tunescope_analysis.stats.correlation import permutation_spearman


def test_p_of_a_correlation_is_the_share_of_pairings_as_far_out():
    first, second = np.array([1.0, 2, 3, 4, 5, 6]), np.array([2.0, 1, 4, 3, 6, 5])
    rho = [stats.spearmanr(first, order).statistic for order in permutations(second)]
    found = permutation_spearman(first, second)
    assert found[0] == pytest.approx(stats.spearmanr(first, second).statistic)
    assert found[1] == pytest.approx(np.mean(np.abs(rho) >= found[0] - 1e-9))
