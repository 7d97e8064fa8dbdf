import pytest
from drawn import draw_within_page
from make_file import write_file
from make_sample import SAMPLES
from reading import words
from small_sweep import trial

from tunescope_analysis import open_results
from tunescope_analysis.topics.change.figure import change_figure
from tunescope_analysis.topics.change.table import change_by_task
from tunescope_analysis.topics.parameters.figure import parameters_figure
from tunescope_analysis.topics.parameters.section import parameters_section
from tunescope_analysis.topics.parameters.table import average_table
from tunescope_analysis.topics.scores.figure import scores_figure
from tunescope_analysis.topics.scores.table import score_table


@pytest.mark.parametrize("name", SAMPLES)
def test_no_label_leaves_the_page_or_covers_another(tmp_path, name):
    with open_results(write_file(tmp_path / "sample.h5", SAMPLES[name]())) as results:
        table = score_table(results.trials)
        maps = change_figure(change_by_task(results.change, results.trials))
        figures = [maps, scores_figure(table), parameters_figure(average_table(results.trials))]
    for figure in figures:
        renderer = draw_within_page(figure)
        for axes in maps.axes[:-1]:
            rows = [label.get_window_extent(renderer) for label in axes.get_yticklabels() if label.get_text()]
            assert all(upper.y0 >= lower.y1 - 2 for upper, lower in zip(rows, rows[1:], strict=False))


def test_parameters_figure_needs_a_method_with_every_task(small_file, write):
    with open_results(small_file) as results:
        assert [picture.name for picture in parameters_section(results).pictures] == ["parameters"]
    apart = [trial("RTE", "full", 1e-5, 1, 0.7), trial("CoLA", "bitfit", 1e-5, 1, 0.5)]
    with open_results(write(apart)) as results:
        section = parameters_section(results)
    assert section.pictures == []
    assert "No method has a score on every task, so there is no average to plot." in words(section)
