import pandas as pd
from reading import words
from small_sweep import sweep

from tunescope_analysis import open_results
from tunescope_analysis.topics.significance.figure import critical_difference_figure
from tunescope_analysis.topics.significance.section import significance_section


def test_few_tasks_are_said_to_limit_the_tests(write):
    with open_results(write(sweep({"layernorm": -0.01, "bitfit": -0.02}, tasks=("RTE", "CoLA")))) as results:
        text = words(significance_section(results))
    assert "Friedman's test over 2 tasks: the 3 methods" in text
    assert "cannot tell methods from one another" in text
    assert "So few tasks cannot show one: the smallest p possible is 0.135." in text  # exp(−2)
    assert (
        "Over task means Wilcoxon's test cannot show a difference at 0.05: the smallest p possible is 0.500, "
        "and 1.000 after Holm's correction over 2 comparisons." in text
    )
    # eight tasks and seeds reach 2 / 2⁸, twice that with Holm's correction
    assert "Over tasks and seeds Wilcoxon's test cannot" not in text


def test_every_two_methods_meet_once_in_the_order_of_ranks(write):
    with open_results(write(sweep({"layernorm": -0.01, "bitfit": -0.02}))) as results:
        (table,) = [t for t in significance_section(results).tables if t.name == "pairwise_tests"]
    assert [row[0].text for row in table.rows] == ["1. full", "2. layernorm", "3. bitfit"]
    assert [heading.text for heading in table.headings] == ["Method", "1.", "2."]
    shown = [[cell.text.replace("−", "-") for cell in row[1:]] for row in table.rows]
    assert [[text and round(float(text)) for text in row] for row in shown] == [["", ""], [-1, ""], [-2, -1]]
    assert len(table.frame) == 3


def test_diagram_has_room_for_long_names_of_methods():
    long = "lora:alpha=16,dropout=0,rank=8,scaling=lora,targets=attention_output+intermediate+key+query+value"
    figure = critical_difference_figure(pd.Series({long: 1.2, "full": 1.8}), 1.0, 5)
    assert figure.axes[0].get_position().width > 0
