from reading import words
from small_sweep import sizes_sweep, sweep

from tunescope_analysis import open_results
from tunescope_analysis.topics.task_size.section import task_size_section


def test_sizes_of_tasks(write):
    trials = sweep({"layernorm": -0.01}, tasks=("RTE", "CoLA"))
    for entry in trials:
        entry["train_examples"] = {"RTE": 2490, "CoLA": 8551}[entry["task"]]
    with open_results(write(trials)) as results:
        section = task_size_section(results)
    assert [picture.name for picture in section.pictures] == ["task_size"]
    assert section.pictures[0].png
    assert "Below 5 sizes a trend cannot be told." in words(section)
    (table,) = section.tables
    assert [(heading.text, heading.note) for heading in table.headings] == [
        ("Method", ""), ("RTE", "2,490"), ("CoLA", "8,551"),
    ]  # fmt: skip
    assert [len(row) for row in table.rows] == [3]


def test_the_table_of_sizes_has_the_trend_of_each_method(write):
    with open_results(write(sizes_sweep([0.00, 0.01, 0.02, 0.03, 0.04]))) as results:
        (table,) = task_size_section(results).tables
    (row,) = table.rows
    assert [heading.text for heading in table.headings[-2:]] == ["Spearman", "p"]
    assert [cell.text for cell in row[1:]] == ["0.00", "−1.00", "−2.00", "−3.00", "−4.00", "−1.00", "0.017"]
