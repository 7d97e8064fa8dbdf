import json
from pathlib import Path

import numpy as np
import pytest
from conftest import trial
from hypothesis import given
from hypothesis import strategies as st

from tunescope_analysis import open_results
from tunescope_analysis.report.blocks import Paragraph
from tunescope_analysis.report.section import Section
from tunescope_analysis.stats.stochastic_order import (
    BETTER_BELOW,
    FALSE_ALARMS,
    RELIABLE_SEEDS,
    epsilon_bounds,
    violation_ratio,
)
from tunescope_analysis.topics.significance.section import significance_section
from tunescope_analysis.topics.stochastic_order.section import seeds_sentence
from tunescope_analysis.topics.stochastic_order.table import order_table

GOLDEN = json.loads((Path(__file__).parent / "golden" / "stochastic_order.json").read_text())
SAMPLES = st.lists(st.integers(-50, 50).map(lambda n: n / 10), min_size=1, max_size=8).map(np.array)


@pytest.mark.parametrize("case", GOLDEN)
def test_ratio_and_bound_are_those_of_deep_significance(case):
    ratio, bound, _ = epsilon_bounds(np.array(case["first"]), np.array(case["second"]))
    assert ratio == pytest.approx(case["ratio"], abs=0.003)  # its sum has steps of 0.0005
    assert bound == pytest.approx(case["bound"], abs=0.03)  # of 1,000 draws, there of 4,000


def test_ratio_by_hand():
    # quantiles 1 | 4 against 2 | 2 on the halves: distances −1 and 2, so 1 of 1 + 4 against
    assert violation_ratio(np.array([4.0, 1.0]), np.array([2.0])) == pytest.approx(1 / 5)
    # 0, 3 on halves against 1, 1, 2 on thirds: −1 on 1/2, 2 on 1/6, 1 on 1/3
    assert violation_ratio(np.array([0.0, 3.0]), np.array([1.0, 1.0, 2.0])) == pytest.approx(
        (1 / 2) / (1 / 2 + 4 / 6 + 1 / 3)
    )


def test_ratio_agrees_with_a_fine_sum_over_quantiles():
    rng = np.random.default_rng(3)
    first, second = rng.normal(size=7), rng.normal(size=4)
    t = (np.arange(100_000) + 0.5) / 100_000
    difference = np.quantile(first, t, method="inverted_cdf") - np.quantile(second, t, method="inverted_cdf")
    expected = (np.minimum(difference, 0) ** 2).sum() / (difference**2).sum()
    assert violation_ratio(first, second) == pytest.approx(expected, abs=1e-4)


@given(SAMPLES, SAMPLES)
def test_ratio_of_the_reverse_is_the_rest(first, second):
    ratio = violation_ratio(first, second)
    assert 0 <= ratio <= 1
    assert violation_ratio(second, first) == pytest.approx(1 - ratio)


@given(SAMPLES)
def test_equal_samples_are_in_neither_order_and_higher_ones_always_in_one(sample):
    assert violation_ratio(sample, sample[::-1]) == 0.5
    assert violation_ratio(sample + 1, sample) == 0


def test_bounds_are_the_same_every_time_and_lie_above_the_ratio():
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=6), rng.normal(size=5)
    ratio, forward, backward = epsilon_bounds(first, second)
    assert (ratio, forward, backward) == epsilon_bounds(first, second)
    assert ratio <= forward <= 1
    assert 1 - ratio <= backward <= 1


@pytest.mark.parametrize("seeds", FALSE_ALARMS)
def test_false_alarms_are_as_rare_as_the_report_says(seeds):
    rng = np.random.default_rng(seeds)
    bounds = [min(epsilon_bounds(*rng.normal(size=(2, seeds)))[1:]) for _ in range(1500)]
    assert np.mean(np.array(bounds) < BETTER_BELOW) == pytest.approx(FALSE_ALARMS[seeds], abs=0.02)


def scores(task, method, values):
    return [trial(task, "full", 1e-5, seed, value) | {"method": method} for seed, value in enumerate(values)]


@pytest.fixture
def trials():
    low, high = [0.50, 0.51, 0.49, 0.50, 0.52], [0.70, 0.71, 0.69, 0.72, 0.70]
    return [*scores("RTE", "full", high), *scores("RTE", "layernorm", low),
            *scores("RTE", "bitfit", [0.6]), *scores("CoLA", "layernorm", low)]  # fmt: skip


def test_every_ordered_pair_with_two_seeds_is_compared(write, trials):
    with open_results(write(trials)) as results:
        table = order_table(results.trials)
    assert table[["task", "first", "second", "seeds", "ratio", "is_better"]].values.tolist() == [
        ["RTE", "full", "layernorm", 5, 0.0, True],
        ["RTE", "layernorm", "full", 5, 1.0, False],
    ]


def words(section: Section) -> str:
    return " ".join(block.text for block in section.blocks if isinstance(block, Paragraph))


def test_report_shows_the_bounds_and_says_how_many_seeds_they_need(write, trials):
    with open_results(write(trials)) as results:
        section = significance_section(results)
    (table,) = (table for table in section.tables if table.name == "stochastic_order_to_full")
    (row,) = table.rows
    assert (row[0].text, row[1].text, row[1].line, row[1].is_best) == (
        "layernorm",
        "1.00",
        "full 0.00 ✓",
        False,
    )
    assert "34 % with 2 seeds" in words(section)


def test_few_seeds_are_said(write, trials):
    assert "too few to rely on" in seeds_sentence(RELIABLE_SEEDS - 1)
    assert "too few" not in seeds_sentence(RELIABLE_SEEDS)
    with open_results(write([t for t in trials if t["seed"] == 0])) as results:
        section = significance_section(results)
        assert order_table(results.trials).empty
    assert "This needs two seeds or more of two methods on a task. Run a sweep with several" in words(section)


def test_without_full_there_is_no_table_of_it(write, trials):
    others = [t | {"method": "head"} if t["method"] == "full" else t for t in trials]
    with open_results(write(others)) as results:
        section = significance_section(results)
    assert "No method has seeds beside `full`. Run a sweep" in words(section)
