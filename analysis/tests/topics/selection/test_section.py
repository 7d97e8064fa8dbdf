import pytest
from small_sweep import trial

from tunescope_analysis import open_results
from tunescope_analysis.topics.scores.section import scores_section
from tunescope_analysis.topics.selection.section import selection_sentence


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ([], "chosen on the dev set."),
        (["dev"], "chosen on the dev set."),
        (["half-dev"], "on one half of the dev set; the other half is reported."),
        (["train:0.1"], "on 10 % of the training set, which were not trained on; the dev set is reported."),
    ],
)
def test_sentence_says_which_examples_chose(rules, words):
    assert selection_sentence(rules).endswith(words)


def texts(section):
    return [block.text for block in section.blocks if block.kind == "paragraph"]


def test_scores_say_what_chose_them_and_what_choosing_on_the_dev_set_would_gain(write):
    own = {"selection": "half-dev", "dev_examples": 139}
    trials = [
        trial("RTE", "full", 1e-5, 1, 0.60, selection_score=0.7, **own),
        trial("RTE", "full", 2e-5, 1, 0.64, selection_score=0.6, **own),
    ]
    evaluations = [
        {"trial": place, "step": 1, "epoch": 1, "loss": 0.5, "accuracy": entry["score"]}
        for place, entry in enumerate(trials)
    ]
    with open_results(write(trials, evaluations=evaluations)) as results:
        section = scores_section(results)
    assert any(text.startswith("Scores × 100 at the learning rate and step") for text in texts(section))
    (table,) = [table for table in section.tables if table.name == "selection"]
    assert [cell.text for cell in table.rows[0]] == ["full", "RTE", "2", "2", "139", "64.0", "60.0", "+4.00"]
    assert any(
        "most for full on RTE, +4.00: 2 runs compete on 139 examples" in text for text in texts(section)
    )


def test_scores_that_the_dev_set_chose_say_how_to_learn_what_that_gains(small_file):
    with open_results(small_file) as results:
        section = scores_section(results)
    assert any("`[data] selection = half-dev`" in text for text in texts(section))
    assert "selection" not in [table.name for table in section.tables]
