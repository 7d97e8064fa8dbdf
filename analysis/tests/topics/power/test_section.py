from reading import words
from small_sweep import sweep

from tunescope_analysis import open_results
from tunescope_analysis.assembly import build_report
from tunescope_analysis.report.section import Section
from tunescope_analysis.topics.power.section import add_power, power_sentence
from tunescope_analysis.topics.power.table import power_table


def sentence_of(path):
    with open_results(path) as results:
        return power_sentence(power_table(results.trials))


def test_the_sentence_names_the_smallest_and_the_largest_difference(write):
    trials = sweep({"layernorm": -0.01, "bitfit": 0.0})
    for place, own in enumerate(own for own in trials if own["method"] == "bitfit"):
        own["score"] += 0.03 * (-1) ** place
    sentence = sentence_of(write(trials))
    assert " points (layernorm, 12 pairs of 3 tasks) to " in sentence
    assert " points (bitfit, 12 pairs of 3 tasks). Smaller ones they can miss." in sentence
    assert sentence.endswith("They are too few to show that bitfit is as good as full within 1 point.")


def test_nothing_is_said_without_pairs(write):
    path = write(sweep({}))
    assert sentence_of(path) == ""
    with open_results(path) as results:
        section = Section("significance", "Significance")
        add_power(section, results.trials)
    assert section.blocks == []


def test_what_the_runs_can_show_comes_before_any_verdict_and_any_test(write):
    with open_results(write(sweep({"layernorm-output": -0.01}))) as results:
        report = build_report(results)
    claims, significance = (
        next(own for own in report.sections if own.key == key) for key in ("claims", "significance")
    )
    assert claims.blocks[0].text.startswith(
        "In 80 % of all repetitions these runs show a difference to full fine-tuning of "
    )
    assert significance.blocks[0].text == "What these runs could have shown"
    assert "Card et al. 2020" in words(significance)
    (table,) = [own for own in significance.tables if own.name == "power"]
    assert [row[1].text for row in table.rows] == ["task means", "tasks and seeds"]
    assert table.rows[0][7].text == "–"  # of three tasks Wilcoxon's test cannot show anything
