from itertools import combinations

import numpy as np
import pytest

from tunescope_analysis.stats.expected_best import expected_best


def test_expected_best_by_hand():
    # of 1, 2, 4: one draw 7/3; two draws (2 + 4 + 4)/3; all 4
    assert expected_best(np.array([4.0, 1.0, 2.0])).tolist() == pytest.approx([7 / 3, 10 / 3, 4])


def test_expected_best_is_the_mean_over_all_subsets():
    scores = np.random.default_rng(0).random(6)
    for n, value in enumerate(expected_best(scores), 1):
        assert value == pytest.approx(np.mean([max(subset) for subset in combinations(scores, n)]))


def test_best_may_be_chosen_by_other_scores():
    rng = np.random.default_rng(1)
    scores, chosen_by = rng.random(6), rng.random(6)
    for n, value in enumerate(expected_best(scores, chosen_by), 1):
        subsets = combinations(range(6), n)
        expected = np.mean([scores[max(subset, key=lambda trial: chosen_by[trial])] for subset in subsets])
        assert value == pytest.approx(expected)


def test_expected_best_of_thousands_is_finite():
    # of the scores 1 to N, the best of n is n (N + 1) / (n + 1) on average
    total = 3000
    n = np.arange(1, total + 1)
    assert expected_best(n.astype(float)) == pytest.approx(n * (total + 1) / (n + 1))
