from reading import words
from small_sweep import COMPONENTS, LAYERS, SIZE, change_of, trial

from tunescope_analysis import open_results
from tunescope_analysis.report.claims import Ruling
from tunescope_analysis.topics.change.section import change_section

DENSE = COMPONENTS.index("output.dense.weight")


def section_of(write, of_glue, own):
    """The section of a file in which a dense layer changed most on own tasks, output LayerNorm on GLUE's."""
    trials = [trial(task, "full", 1e-5, 1, 0.5) for task in (*of_glue, *own)]
    values = change_of(trials)
    values[len(of_glue) :, 1:3, DENSE] = 99.0
    maps = {"layers": LAYERS, "components": COMPONENTS, "size": SIZE, "change": {"mean_abs": values}}
    with open_results(write(trials, **maps)) as results:
        return change_section(results)


def test_the_claim_about_glue_is_judged_by_its_tasks_alone(write):
    section = section_of(write, ("RTE", "CoLA", "MRPC"), ("claims", "reviews", "WNLI", "ratings"))
    (verdict,) = section.verdicts
    assert verdict.ruling == Ruling.SUPPORTED
    assert "leads on 3 of 3 tasks" in verdict.reason
    assert "a LayerNorm tensor leads on 3 of 7 tasks" in words(section)


def test_own_tasks_alone_say_nothing_on_that_claim(write):
    assert section_of(write, (), ("claims", "reviews", "ratings")).verdicts == []
