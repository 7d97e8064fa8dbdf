import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from tunescope_analysis.stats import rank_agreement
from tunescope_analysis.stats.rank_agreement import (
    AGREEMENTS,
    descending_ranks,
    jaccard,
    pairwise_agreement,
    persistence_for,
    rank_biased_overlap,
    top_count,
    top_mask,
)

ABSENT = np.inf


def ranks_of(first, second):
    """Ranks of two rankings, each a list of groups of equal items, over the items of both."""
    items = sorted({item for ranking in (first, second) for group in ranking for item in group})
    ranks = []
    for ranking in (first, second):
        place, own = 1, dict.fromkeys(items, ABSENT)
        for group in ranking:
            own.update(dict.fromkeys(group, place))
            place += len(group)
        ranks.append(np.array([own[item] for item in items], dtype=float))
    return ranks


def split(text):
    """`a (b c) d` as groups of items."""
    groups, current, is_open = [], [], False
    for token in text.replace("(", "( ").replace(")", " )").split():
        if token in "()":
            is_open = token == "("
            if not is_open:
                groups.append(current)
                current = []
        elif is_open:
            current.append(token)
        else:
            groups.append([token])
    return groups


def test_rank_biased_overlap_of_the_example_of_webber_moffat_and_zobel():
    # abcdefg against zcavwxy: agreements 0, 0, 2/3, 2/4, 2/5, 2/6, 2/7 at depths 1 to 7
    first, second = ranks_of(list("abcdefg"), list("zcavwxy"))
    p = 0.9
    agreements = [0, 0, 2 / 3, 2 / 4, 2 / 5, 2 / 6, 2 / 7]
    expected = agreements[-1] * p**7 + (1 - p) / p * sum(a * p**d for d, a in enumerate(agreements, 1))
    assert rank_biased_overlap(first, second, p, depth=7) == pytest.approx(expected, rel=1e-12)
    assert expected == pytest.approx(0.2882, abs=5e-5)


@pytest.mark.parametrize(
    ("first", "second", "persistence", "expected"),
    [
        # RBO^w, extrapolated, equal lengths: from the tests of github.com/julian-urbano/sigir2024-rbo
        ("i3 (i1 i5 i7) i9", "(i1 i9) i7 i3 i4", 0.930093081332594, 0.697096710334179),
        ("i2 i5 i3 (i1 i4)", "i5 i8 i2 (i3 i9)", 0.968922741966306, 0.580287544332462),
    ],
)
def test_ties_are_judged_as_in_corsi_and_urbano(first, second, persistence, expected):
    one, other = ranks_of(split(first), split(second))
    depth = int((one < ABSENT).sum())
    assert rank_biased_overlap(one, other, persistence, depth) == pytest.approx(expected, abs=1e-12)


def test_ties_by_hand():
    # (a b) c against a b c: depth 1 has {a, b} and {a}: 2·1/3; depth 2: 1; depth 3: 1
    first, second = ranks_of([["a", "b"], ["c"]], list("abc"))
    p = 0.5
    expected = 1 * p**3 + (1 - p) / p * (2 / 3 * p + 1 * p**2 + 1 * p**3)
    assert rank_biased_overlap(first, second, p) == pytest.approx(expected, rel=1e-15)


@given(st.permutations(range(8)), st.floats(0.05, 0.95))
def test_rank_biased_overlap_is_symmetric_and_one_for_equals(order, p):
    first, second = np.arange(1, 9), np.array(order) + 1
    assert rank_biased_overlap(first, first, p) == pytest.approx(1)
    value = rank_biased_overlap(first, second, p)
    assert value == pytest.approx(rank_biased_overlap(second, first, p))
    assert 0 <= value <= 1 + 1e-12


def test_persistence_gives_the_top_its_weight():
    # Webber, Moffat, Zobel (2010): p = 0.9 has 86 % of its weight on the first ten ranks
    assert persistence_for(50, 0.2) == pytest.approx(0.9)
    assert persistence_for(2, 0.2) == 0.5


@pytest.mark.parametrize(("items", "count"), [(10, 2), (12, 2), (13, 3), (1, 1), (2, 1), (7, 1)])
def test_the_top_is_rounded_and_never_empty(items, count):
    assert top_count(items, 0.2) == count


def test_equal_values_at_the_border_go_to_the_first():
    assert top_mask(np.array([1.0, 2.0, 2.0, 2.0]), 0.5).tolist() == [False, True, True, False]


def test_jaccard_by_hand():
    assert jaccard(np.array([1, 1, 0, 0], bool), np.array([0, 1, 1, 0], bool)) == pytest.approx(1 / 3)
    assert np.isnan(jaccard(np.zeros(2, bool), np.zeros(2, bool)))


def test_largest_has_rank_one_and_equals_share_the_best():
    assert descending_ranks(np.array([5.0, 7.0, 5.0, 1.0])).tolist() == [2, 1, 2, 4]


@settings(max_examples=50)
@given(arrays(float, (3, 7), elements=st.integers(0, 5).map(float)))
def test_correlations_are_scipys_with_ties(values):
    pairs, measures = pairwise_agreement(values)
    assert pairs.tolist() == [[0, 1], [0, 2], [1, 2]]
    for place, (first, second) in enumerate(pairs):
        one, other = values[first], values[second]
        found = measures["spearman"][place], measures["kendall"][place]
        if np.ptp(one) and np.ptp(other):
            expected = stats.spearmanr(one, other).statistic, stats.kendalltau(one, other).statistic
            assert found == pytest.approx(expected)
        else:
            assert np.isnan(found).all()


def test_equal_runs_agree_fully():
    values = np.tile(np.random.default_rng(0).random(50), (2, 1))
    _, measures = pairwise_agreement(values)
    assert [measures[name].item() for name in AGREEMENTS] == pytest.approx([1, 1, 1, 1])


def test_a_single_run_has_no_pairs_and_a_single_item_no_agreement():
    assert pairwise_agreement(np.ones((1, 5)))[0].shape == (0, 2)
    assert np.isnan([pairwise_agreement(np.ones((2, 1)))[1][name] for name in AGREEMENTS]).all()


def test_kendall_of_many_items_is_of_a_sample(monkeypatch):
    monkeypatch.setattr(rank_agreement, "KENDALL_ITEMS", 2000)
    rng = np.random.default_rng(1)
    base = rng.normal(size=8000)
    values = np.array([base, base + rng.normal(size=8000)])
    whole = stats.kendalltau(*values).statistic
    assert pairwise_agreement(values)[1]["kendall"].item() == pytest.approx(whole, abs=0.03)
