import numpy as np
import pytest
from small_sweep import trial

from tunescope_analysis import open_results
from tunescope_analysis.topics.ablation.figure import ablation_figure
from tunescope_analysis.topics.ablation.section import ablation_section
from tunescope_analysis.topics.ablation.table import ablation_scores, by_task

TRIALS = [
    trial("RTE", "full", 1e-5, 1, 0.70),
    trial("RTE", "full", 1e-5, 2, 0.66),
    trial("RTE", "full", 2e-5, 1, 0.50),
    trial("CoLA", "full", 1e-5, 1, 0.50),
]


def rows_of(number, group, scalars, reset, transplant):
    own = {"id": f"{number:016x}", "group": group, "scalars": scalars, "loss": 0.5}
    return [own | {"kind": "reset", "score": reset}, own | {"kind": "transplant", "score": transplant}]


ABLATION = [
    *rows_of(0, "head", 0, 0.70, 0.50),
    *rows_of(0, "layernorm", 24, 0.60, 0.65),
    *rows_of(1, "head", 0, 0.60, 0.50),
    *rows_of(1, "layernorm", 24, 0.60, 0.60),
    *rows_of(2, "head", 0, 0.90, 0.50),  # not at the best learning rate
    *rows_of(2, "layernorm", 24, 0.10, 0.10),
    *rows_of(3, "head", 0, 0.51, 0.50),  # has learned nothing below the head
    *rows_of(3, "layernorm", 24, 0.40, 0.50),
]


@pytest.fixture
def ablated(write):
    with open_results(write(TRIALS, ablation=ABLATION)) as results:
        yield results


def test_shares_are_of_what_training_the_model_gained(ablated):
    scores = ablation_scores(ablated).set_index(["task", "seed"]).sort_index()
    assert len(scores) == 3
    np.testing.assert_allclose(scores.loc["RTE", "lost"], [0.5, 0.0])
    np.testing.assert_allclose(scores.loc["RTE", "kept"], [0.75, 1.0])
    assert np.isnan(scores.loc[("CoLA", 1), ["lost", "kept"]].to_numpy(float)).all()


def test_section_has_a_line_per_task_and_group_and_says_what_the_shares_are(ablated):
    section = ablation_section(ablated)
    (summary,) = [table for table in section.tables if table.name == "ablation_summary"]
    rows = [[cell.text for cell in row] for row in summary.rows]
    assert ["RTE", "full", "layernorm", "24", "2", "50.0", "65.0", "60.0", "62.5", "25 %", "87.5 %"] in rows
    text = " ".join(block.text for block in section.blocks if block.kind == "paragraph")
    assert "full: without the change of layernorm a model loses 25 % of what training gained" in text
    assert "keeps 87.5 % (means over 1 tasks)" in text
    assert [picture.name for picture in section.pictures] == ["ablation"]


def test_figure_has_a_marker_per_task_and_a_bar_at_the_mean(ablated):
    figure = ablation_figure(by_task(ablation_scores(ablated)).dropna(subset=["lost"]))
    for axes, share in zip(figure.axes, (0.25, 0.875), strict=True):
        markers, bars = axes.get_lines()[2:]
        np.testing.assert_allclose(markers.get_xdata(), [share])
        np.testing.assert_allclose(bars.get_xdata(), [share])


def test_section_without_ablation_says_what_to_run(write):
    with open_results(write(TRIALS)) as results:
        section = ablation_section(results)
    assert "[ablation] groups" in section.blocks[0].text
    assert not section.tables
