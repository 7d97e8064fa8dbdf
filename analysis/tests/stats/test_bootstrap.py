import numpy as np
import pytest

from tunescope_analysis.stats.bootstrap import share_first


def test_a_component_that_always_leads_is_first_in_all_draws():
    assert share_first([np.array([[3.0, 1.0], [2.0, 1.0]])]).tolist() == [1, 0]


def test_a_component_that_leads_by_one_seed_is_first_in_three_of_four_draws():
    # the second leads only where both draws are the second seed: 1/2 · 1/2
    shares = share_first([np.array([[10.0, 1.0], [1.0, 2.0]])], resamples=20_000)
    assert shares.tolist() == pytest.approx([0.75, 0.25], abs=0.015)


def test_missing_components_come_last_and_single_seeds_say_nothing():
    assert share_first([np.array([[np.nan, 1.0], [np.nan, 2.0]])]).tolist() == [0, 1]
    assert share_first([np.ones((1, 3))]) is None


def test_tasks_count_alike_in_a_geometric_mean():
    # the second leads on the task with small numbers by more than the first does on the other
    groups = [np.array([[200.0, 100.0]] * 2), np.array([[1.0, 9.0]] * 2)]
    assert share_first(groups).tolist() == [1, 0]
    assert share_first(groups, scale=np.log).tolist() == [0, 1]
