import numpy as np
import pytest
from demsar import DEMSAR

from tunescope_analysis.stats.rank_tests import average_ranks, cliques, critical_difference, friedman
from tunescope_analysis.topics.significance.table import rank_methods


def test_average_ranks_and_friedman_are_demsars():
    ranks = average_ranks(DEMSAR.to_numpy())
    assert ranks == pytest.approx([3.143, 2.0, 2.893, 1.964], abs=5e-4)
    assert rank_methods(DEMSAR).index.tolist() == ["C4.5+m+cf", "C4.5+m", "C4.5+cf", "C4.5"]
    test = friedman(DEMSAR.to_numpy())
    # 9.28 there, without the correction for ties that SciPy makes
    ties = 1 - sum((n**3 - n) for n in (2, 2, 4, 2)) / (14 * (4**3 - 4))
    assert test.statistic * ties == pytest.approx(9.28, abs=0.005)
    assert (test.tasks, test.methods) == (14, 4)


@pytest.mark.parametrize(("methods", "q"), [(2, 1.960), (3, 2.343), (4, 2.569), (5, 2.728), (10, 3.164)])
def test_critical_difference_has_demsars_table_5(methods, q):
    scale = np.sqrt(methods * (methods + 1) / (6 * 14))
    assert critical_difference(methods, 14) == pytest.approx(q * scale, abs=0.001)


def test_critical_difference_of_demsars_example():
    assert critical_difference(4, 14, level=0.1) == pytest.approx(1.12, abs=0.005)
    assert critical_difference(4, 14) == pytest.approx(1.25, abs=0.005)


def test_methods_nearer_than_the_difference_hang_together():
    ranks = np.array([1.0, 1.8, 2.5, 4.0])
    assert cliques(ranks, 1.0) == [(0, 1), (1, 2)]
    assert cliques(ranks, 1.5) == [(0, 2), (2, 3)]
    assert cliques(ranks, 0.5) == []


@pytest.mark.parametrize(("methods", "tasks"), [(2, 5), (3, 1)])
def test_friedman_needs_three_methods_and_two_tasks(methods, tasks):
    assert friedman(np.random.default_rng(0).random((tasks, methods))) is None
