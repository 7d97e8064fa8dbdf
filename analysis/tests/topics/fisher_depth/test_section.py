import numpy as np
import pandas as pd
import pytest
from make_sample import TASKS
from reading import words

from tunescope_analysis import open_results
from tunescope_analysis.topics.fisher.section import fisher_section
from tunescope_analysis.topics.fisher_depth.section import depth_sentence


@pytest.fixture
def results(fisher_file):
    with open_results(fisher_file) as opened:
        yield opened


def test_says_whether_later_layers_have_more():
    table = pd.DataFrame(
        {"task": ["a", "b", "a"], "part": ["LayerNorm", "LayerNorm", "all"], "spearman": [0.9, -0.1, np.nan]}
    )
    assert depth_sentence(table) == (
        "In LayerNorm later layers have more Fisher information on 1 of 2 tasks (Spearman of layer and "
        "Fisher information: median 0.40). For all tensors the layers are too few, or all alike, to say."
    )


def test_layers_that_are_too_few_are_told_once(results):
    text = words(fisher_section(results))
    assert text.count("too few") == 1
    assert "The layers are too few, or all alike, to say: 3 are needed." in text


def test_the_table_over_depth_has_a_row_a_task(sample):
    (table,) = [t for t in fisher_section(sample).tables if t.name == "fisher_depth_correlation"]
    assert [heading.text for heading in table.headings] == [
        "Task", "all tensors", "LayerNorm", "output LayerNorm",
    ]  # fmt: skip
    assert [row[0].text for row in table.rows] == list(TASKS)
