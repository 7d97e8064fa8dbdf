import pytest
from reading import words
from small_sweep import COMPONENTS, LAYERS, SIZE, fisher_of

from tunescope_analysis import open_results
from tunescope_analysis.report.claims import Ruling
from tunescope_analysis.topics.stability.section import stability_section
from tunescope_analysis.topics.stability.table import agreement_with_reference, pair_table
from tunescope_analysis.topics.stability.verdict import weakest_sentence


@pytest.fixture
def results(fisher_file):
    with open_results(fisher_file) as opened:
        yield opened


def test_one_run_says_what_to_run(write):
    fields = {"layers": LAYERS, "components": COMPONENTS, "size": SIZE}
    with open_results(write([], fisher_runs=[{}], fisher=fisher_of([1.0]), **fields)) as results:
        assert "jobs/fisher-robustness.cfg" in words(stability_section(results))


def test_runs_that_differ_in_several_settings_are_listed_but_not_drawn(write):
    fields = {"layers": LAYERS, "components": COMPONENTS, "size": SIZE}
    runs = [{}, {"batch_size": 8, "seed": 2}]
    with open_results(write([], fisher_runs=runs, fisher=fisher_of([1.0, 2.0]), **fields)) as results:
        section = stability_section(results)
    assert section.pictures == []
    assert "No two runs differ in one setting alone" in words(section)


def test_names_the_setting_that_agrees_least(results):
    against = agreement_with_reference(pair_table(results), results.fisher)
    assert weakest_sentence(against, "scalar") == (
        "Least like the reference: batch size 8 in place of 1 on RTE (Spearman −1.00, Jaccard 0.00). "
        "Two seeds agree to 0.80 (mean over tasks)."
    )
    assert [v.ruling for v in stability_section(results).verdicts] == [Ruling.NOT_SUPPORTED]
