import pytest
from reading import words
from small_sweep import ordered_sweep

from tunescope_analysis import open_results
from tunescope_analysis.stats.stochastic_order import RELIABLE_SEEDS
from tunescope_analysis.topics.significance.section import significance_section
from tunescope_analysis.topics.stochastic_order.section import seeds_sentence
from tunescope_analysis.topics.stochastic_order.table import order_table


@pytest.fixture
def trials():
    return ordered_sweep()


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
