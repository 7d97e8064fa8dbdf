import numpy as np
import pandas as pd
import pytest
from conftest import trial
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tunescope_analysis import open_results
from tunescope_analysis.stats.hypothesis_tests import holm, welch
from tunescope_analysis.stats.paired import compare_pairs, equivalence_p
from tunescope_analysis.stats.rank_tests import average_ranks, cliques, critical_difference, friedman
from tunescope_analysis.stats.thresholds import LEVEL, MARGIN
from tunescope_analysis.topics.significance.section import ranked_sentence
from tunescope_analysis.topics.significance.table import (
    against_reference,
    pairwise_tests,
    rank_methods,
    score_matrix,
)

# Demšar (2006), Statistical comparisons of classifiers over multiple data sets, JMLR 7, table 6: AUC of
# four variants of C4.5 on 14 data sets. On the 13th its ranks show a difference that its digits do not.
DEMSAR = pd.DataFrame(
    [
        (0.763, 0.768, 0.771, 0.798), (0.599, 0.591, 0.590, 0.569), (0.954, 0.971, 0.968, 0.967),
        (0.628, 0.661, 0.654, 0.657), (0.882, 0.888, 0.886, 0.898), (0.936, 0.931, 0.916, 0.931),
        (0.661, 0.668, 0.609, 0.685), (0.583, 0.583, 0.563, 0.625), (0.775, 0.838, 0.866, 0.875),
        (1.000, 1.000, 1.000, 1.000), (0.940, 0.962, 0.965, 0.962), (0.619, 0.666, 0.614, 0.669),
        (0.972, 0.981, 0.97501, 0.975), (0.957, 0.978, 0.946, 0.970),
    ],
    columns=["C4.5", "C4.5+m", "C4.5+cf", "C4.5+m+cf"],
)  # fmt: skip


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


def test_holm_by_hand():
    # 3 · 0.01, 2 · 0.02, 0.04, each at least the one before; NaN does not count
    adjusted = holm(np.array([0.04, 0.01, np.nan, 0.02]))
    assert adjusted.tolist() == pytest.approx([0.04, 0.03, np.nan, 0.04], nan_ok=True)
    assert np.isnan(holm(np.array([np.nan]))).all()
    assert holm(np.array([])).size == 0


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
    row = compare_pairs(values, np.zeros_like(values))
    assert (row["equivalence_p"] < LEVEL) == (row["low"] > -MARGIN and row["high"] < MARGIN)


def test_several_comparisons_widen_the_interval():
    differences = np.array([0.02, 0.01, 0.03])
    row = compare_pairs(differences, np.zeros(3), comparisons=5)
    expected = stats.ttest_1samp(differences, 0).confidence_interval(1 - 2 * LEVEL / 5)
    assert (row["low"], row["high"]) == pytest.approx(tuple(expected))


def test_welch_is_scipys_and_knows_samples_without_spread():
    one, other = np.array([0.7, 0.71, 0.69]), np.array([0.6, 0.66, 0.7])
    assert welch(one, other) == stats.ttest_ind(one, other, equal_var=False).pvalue
    assert welch(np.array([0.5, 0.5]), np.array([0.5, 0.5])) == 1
    assert np.isnan(welch(np.array([0.5, 0.5]), np.array([0.6, 0.6])))


def test_one_pair_has_no_interval():
    row = compare_pairs(np.array([0.5]), np.array([0.4]))
    assert np.isnan([row["low"], row["high"]]).all()
    assert (row["pairs"], row["p"], row["smallest_p"]) == (1, 1, 1)


def test_matrix_keeps_methods_with_every_task(small_file):
    with open_results(small_file) as results:
        matrix = score_matrix(results.trials)
    assert matrix.columns.tolist() == ["full", "layernorm"]
    assert matrix.loc["RTE"].tolist() == pytest.approx([0.68, 0.69])


def test_matrix_keeps_the_larger_part_without_holes(write):
    """One unfinished task must not take away the methods that lack it, nor a task without learning count."""
    trials = [
        trial(task, "full", 1e-5, 1, score) | {"method": method}
        for task in ("RTE", "CoLA", "SST-2", "MRPC")
        for method, score in (("full", 0.8), ("layernorm", 0.7), ("bitfit", 0.6), ("head", 0.5))
        if not (task == "MRPC" and method in ("layernorm", "bitfit"))
    ]
    trials += [
        trial("WNLI", "full", 1e-5, 1, 0.56) | {"method": name} for name in ("full", "layernorm", "head")
    ]
    trials.append(trial("WNLI", "bitfit", 1e-3, 1, np.nan, state="failed"))
    with open_results(write(trials)) as results:
        matrix = score_matrix(results.trials)
        sentence = ranked_sentence(results.trials, matrix)
    assert set(matrix.index) == {"RTE", "CoLA", "SST-2"}
    assert set(matrix.columns) == {"full", "layernorm", "bitfit", "head"}
    assert sentence.startswith("Without MRPC and WNLI: ")


def test_every_method_stands_against_full_by_both_units(small_file):
    with open_results(small_file) as results:
        table = against_reference(results.trials)
    assert table[["unit", "method", "pairs"]].values.tolist() == [
        ["task", "layernorm", 2],
        ["task", "bitfit", 1],
        ["task and seed", "layernorm", 3],
        ["task and seed", "bitfit", 1],
    ]
    # RTE has seed 1 in common: 0.69 − 0.70; CoLA both: 0.58 − 0.56
    assert table["mean_difference"].iloc[0] == pytest.approx((-0.01 + 0.02) / 2)
    assert table["smallest_p"].iloc[0] == 0.5


def test_without_the_reference_there_is_nothing_to_compare(write):
    with open_results(write([trial("RTE", "bitfit", 1e-3, 1, 0.6)])) as results:
        assert against_reference(results.trials).empty
    with open_results(write([])) as results:
        assert against_reference(results.trials).empty
        assert score_matrix(results.trials).empty


def test_every_two_methods_are_tested_over_tasks():
    table = pairwise_tests(DEMSAR[["C4.5", "C4.5+m"]])
    # Demšar, table 2: R− = 12 of 14 data sets; one difference is zero there twice (lung cancer, mushroom)
    assert len(table) == 1
    assert table["p"].item() < 0.05
    assert table["holm_p"].item() == table["p"].item()
    assert pairwise_tests(DEMSAR[["C4.5"]]).empty
