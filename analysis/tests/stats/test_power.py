import re
from pathlib import Path

import numpy as np
import pytest
from scipy import integrate, stats

from tunescope_analysis.stats.power import detectable_difference, signed_rank_effect, t_effect


def power_of_t_test(effect, pairs, level, is_two_sided):
    """By integration over the estimated deviation, given which the mean is normal: no noncentral t."""
    freedom, shift = pairs - 1, effect * np.sqrt(pairs)
    limit = stats.t.ppf(1 - level / (2 if is_two_sided else 1), freedom)

    def density(root):
        bound = limit * root / np.sqrt(freedom)
        found_below = stats.norm.cdf(-bound - shift) if is_two_sided else 0.0
        return 2 * root * stats.chi2.pdf(root**2, freedom) * (stats.norm.sf(bound - shift) + found_below)

    return integrate.quad(density, 0, np.inf)[0]


@pytest.mark.parametrize("pairs", [2, 3, 8, 40])
def test_a_paired_t_test_finds_the_effect_in_four_of_five_cases(pairs):
    assert power_of_t_test(t_effect(pairs), pairs, 0.05, True) == pytest.approx(0.8, abs=1e-4)
    assert power_of_t_test(t_effect(pairs, "larger"), pairs, 0.05, False) == pytest.approx(0.8, abs=1e-4)


def test_half_a_deviation_needs_34_pairs():
    """The textbook case, as in the tables of Cohen (1988) and in G*Power."""
    assert t_effect(34) < 0.5 < t_effect(33)


def test_a_difference_of_two_seeds_has_more_spread_than_one():
    assert detectable_difference(34, 0.01) == pytest.approx(np.sqrt(2) * 0.01 * t_effect(34))
    assert np.isnan(detectable_difference(1, 0.01))


def test_six_pairs_all_have_to_point_the_same_way():
    # two of 2⁶ outcomes have p below 0.05, so the power is nearly the chance that all six are positive
    expected = stats.norm.ppf(0.8 ** (1 / 6))
    assert signed_rank_effect(6) == pytest.approx(expected, abs=0.03)
    assert np.isinf(signed_rank_effect(5))
    assert np.isinf(signed_rank_effect(6, comparisons=2))


@pytest.mark.parametrize(("pairs", "comparisons"), [(9, 1), (12, 4), (25, 6)])
def test_scipys_signed_rank_test_finds_its_effect_in_four_of_five_samples(pairs, comparisons):
    samples = np.random.default_rng(7).normal(signed_rank_effect(pairs, comparisons), 1, (4000, pairs))
    p = stats.wilcoxon(samples, axis=1, method="exact").pvalue
    assert np.mean(p <= 0.05 / comparisons) == pytest.approx(0.8, abs=0.03)


def test_more_pairs_show_smaller_effects():
    assert signed_rank_effect(8) > signed_rank_effect(16) > signed_rank_effect(40) > t_effect(40)


def test_the_table_of_the_documentation_is_that_of_the_formula():
    page = (Path(__file__).parents[3] / "docs" / "power.md").read_text(encoding="utf-8")
    (heading,) = re.findall(r"^\| tasks \|(.*)\|$", page, re.MULTILINE)
    seeds = [int(number) for number in re.findall(r"\d+", heading)]
    rows = re.findall(r"^\| (\d+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|$", page, re.MULTILINE)
    assert len(rows) == 4
    for tasks, *shown in rows:
        expected = [f"{100 * detectable_difference(int(tasks) * own, 0.01):.2f}" for own in seeds]
        assert shown == expected
