from reading import words
from small_sweep import trial

from tunescope_analysis import open_results
from tunescope_analysis.topics.scores.section import scores_section


def test_says_which_tasks_the_average_leaves_out(write):
    tasks = ("claims", "RTE", "WNLI", "CoLA")
    with open_results(write([trial(task, "full", 1e-5, 1, 0.5) for task in tasks])) as results:
        section = scores_section(results)
    assert "a score on every task of the papers on GLUE, so without WNLI and claims." in words(section)


def test_one_task_of_glue_has_no_average(write):
    with open_results(write([trial(task, "full", 1e-5, 1, 0.5) for task in ("RTE", "claims")])) as results:
        section = scores_section(results)
    assert "average" not in words(section)
    assert [heading.text for heading in section.tables[0].headings] == ["Method", "RTE", "claims"]
