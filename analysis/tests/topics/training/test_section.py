from reading import words
from small_sweep import sweep, trial

from tunescope_analysis import open_results
from tunescope_analysis.topics.training.section import training_section


def test_one_rate_and_one_seed_are_said(write):
    with open_results(write(sweep({"layernorm": 0.0}, seeds=1))) as results:
        text = words(training_section(results))
    assert "Every method has one learning rate." in text
    assert "Every method has one finished seed." in text


def test_training_part_of_the_small_sweep(small_file):
    with open_results(small_file) as results:
        section = training_section(results)
        names = {picture.name for picture in section.pictures}
    assert names == {"learning_rates", "learning_curves", "seeds", "budget"}
    assert "1 trial diverged." in words(section)
    assert "Widest: full on CoLA, 52.0 to 60.0 over 2 seeds." in words(section)


def test_learning_curves_and_budgets_without_data_say_what_to_run(write):
    with open_results(write([trial("RTE", "full", 1e-5, 1, 0.7)])) as results:
        text = words(training_section(results))
    assert "No trial has two evaluations. Run a sweep with a smaller `evaluate_every`" in text
    assert "No method has two trials of a task. Run several `seeds` or `learning_rates`" in text
