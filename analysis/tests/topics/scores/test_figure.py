from tunescope_analysis import open_results
from tunescope_analysis.topics.scores.figure import scores_figure
from tunescope_analysis.topics.scores.table import score_table


def test_scores_figure_names_what_is_missing(small_file):
    with open_results(small_file) as results:
        figure = scores_figure(score_table(results.trials))
    assert "diverged" in [text.get_text() for axes in figure.axes for text in axes.texts]
