import pytest

from tunescope_analysis import open_results
from tunescope_analysis.io.tensor_maps import numbered_layers
from tunescope_analysis.topics.change.table import change_certainty
from tunescope_analysis.topics.fisher.runs import default_runs
from tunescope_analysis.topics.fisher.table import find_fisher_leaders, fisher_by_task, fisher_certainty
from tunescope_analysis.topics.leaders import encoder_sentence


def test_certainty_of_the_small_sweep(fisher_file):
    with open_results(fisher_file) as results:
        change = change_certainty(results.change, results.trials, "mean_abs", "full")
        fisher = fisher_certainty(results.fisher, default_runs(results.fisher))
    assert change["output.LayerNorm.weight"] == 1
    assert fisher["output.LayerNorm.weight"] == 1


@pytest.fixture
def results(fisher_file):
    with open_results(fisher_file) as opened:
        yield opened


def test_says_which_component_is_first_among_encoder_layers(results):
    maps = fisher_by_task(results.fisher)
    maps.loc[{"component": "word_embeddings.weight"}] = 1e6
    assert encoder_sentence(find_fisher_leaders(numbered_layers(maps), results.fisher["size"])) == (
        "Among the components of encoder layers output LayerNorm weight is first; one of output LayerNorm "
        "leads on 2 of 2 tasks."
    )
    assert encoder_sentence(None) == ""
