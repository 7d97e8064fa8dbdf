"""Published figures stand beside ours only if the model is the same."""

from model_file import trained, write_model
from reading import words

from tunescope_analysis import open_results
from tunescope_analysis.report.section import Section
from tunescope_analysis.topics.published.section import add_published


def test_another_model_is_told_for_which_there_are_figures(tmp_path):
    trials = [trained("RTE", "accuracy", 0.7, 1)]
    with open_results(write_model(tmp_path / "a.h5", 6, 384, 30_522, trials)) as file:
        section = Section("scores", "Scores")
        add_published(section, file)
    assert section.tables == []
    assert (
        "No published figures apply to this model; they are on record for bert-base-cased, bert-large-cased"
        in words(section)
    )
