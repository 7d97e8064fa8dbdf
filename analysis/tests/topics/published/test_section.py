"""Published figures stand beside ours only if the model is the same."""

from model_file import trained, write_model
from reading import words

from tunescope_analysis import open_results
from tunescope_analysis.report.section import Section
from tunescope_analysis.topics.published.section import add_published


def section_of(path, shape, trials):
    with open_results(write_model(path, *shape, trials)) as file:
        section = Section("scores", "Scores")
        add_published(section, file)
    return section


def test_another_model_is_told_for_which_there_are_figures(tmp_path):
    section = section_of(tmp_path / "a.h5", (6, 384, 30_522), [trained("RTE", "accuracy", 0.7, 1)])
    assert section.tables == []
    assert (
        "No published figures apply to this model; they are on record for bert-base-cased, bert-large-cased, "
        "bert-large-uncased, roberta-base and roberta-large." in words(section)
    )


def test_each_published_figure_has_its_source_and_whether_it_was_read_there(tmp_path):
    trials = [trained("RTE", "accuracy", 0.72, 1, "bitfit"), trained("RTE", "accuracy", 0.7, 1)]
    section = section_of(tmp_path / "a.h5", (24, 1024, 28_996), trials)
    (table,) = section.tables
    sources = {(row[0].text, row[2].text): row[-1] for row in table.rows}
    cell = sources[("bitfit", "accuracy")]
    assert cell.text == "Ben Zaken et al. 2022, arXiv 2106.10199, table 1"
    assert cell.line == "second-hand"
    assert ("bitfit", "trained parameters, without the head") in sources


def test_scores_of_half_the_dev_set_say_why_nothing_stands_beside_them(tmp_path):
    trials = [
        trained("RTE", "accuracy", 0.7, 1)
        | {"selection": "half-dev", "selection_score": 0.7, "dev_examples": 139}
    ]
    section = section_of(tmp_path / "a.h5", (12, 768, 28_996), trials)
    assert section.tables == []
    assert words(section).startswith("No published score stands beside RTE. Papers train on all of GLUE")
