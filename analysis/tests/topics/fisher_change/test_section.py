import numpy as np
import pandas as pd
import pytest
from reading import words
from small_sweep import COMPONENTS, LAYERS, SIZE, fisher_of, trial

from tunescope_analysis import open_results
from tunescope_analysis.topics.fisher_change.figure import fisher_change_figure, kind_of
from tunescope_analysis.topics.fisher_change.section import correlation_sentence, fisher_change_section
from tunescope_analysis.topics.fisher_change.table import fisher_and_change


@pytest.fixture
def results(fisher_file):
    with open_results(fisher_file) as opened:
        yield opened


def test_fisher_of_one_task_and_change_of_another_do_not_meet(write):
    values = np.where(SIZE > 0, 1.0, np.nan)[None]
    path = write([trial("CoLA", "full", 1e-5, 1, 0.5)], layers=LAYERS, components=COMPONENTS, size=SIZE,
                 change={"rms": values}, fisher_runs=[{"task": "RTE"}], fisher=fisher_of([1.0]))  # fmt: skip
    with open_results(path) as results:
        assert "No task has both" in words(fisher_change_section(results))


def test_correlation_is_given_as_a_range():
    table = pd.DataFrame({"task": ["a", "b"], "measure": "rms", "spearman": [0.5, 0.75]})
    assert correlation_sentence(table, "rms").endswith("is 0.50 to 0.75 over 2 tasks, median 0.62.")
    assert correlation_sentence(table.head(1), "rms").endswith("is 0.50.")
    assert "not defined" in correlation_sentence(table.head(0), "rms")


def test_zero_on_a_log_axis_is_counted(results):
    frame = fisher_and_change(results.fisher, results.change, results.trials)
    frame.loc[frame["component"] == "output.dense.weight", "fisher"] = 0.0
    figure = fisher_change_figure(frame)
    assert [text.get_text() for axes in figure.axes for text in axes.texts] == ["2 at zero not drawn"] * 2


@pytest.mark.parametrize(
    ("component", "kind"),
    [
        ("output.LayerNorm.bias", "output LayerNorm"),
        ("attention.output.LayerNorm.weight", "other LayerNorm"),
        ("output.dense.bias", "other bias"),
        ("word_embeddings.weight", "other weight"),
    ],
)
def test_kinds_of_tensors(component, kind):
    assert kind_of(component) == kind
