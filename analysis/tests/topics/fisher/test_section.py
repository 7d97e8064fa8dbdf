import numpy as np
import pytest
from make_file import write_file
from make_sample import COMPONENTS as BERT_COMPONENTS
from make_sample import three_tasks
from reading import words
from small_sweep import COMPONENTS, LAYERS, SIZE, fisher_fields, fisher_of, small_content

from tunescope_analysis import open_results
from tunescope_analysis.report.claims import Ruling
from tunescope_analysis.topics.fisher.section import fisher_section
from tunescope_analysis.topics.fisher.table import fisher_by_task
from tunescope_analysis.topics.fisher_depth.table import depth_profile


@pytest.fixture
def results(fisher_file):
    with open_results(fisher_file) as opened:
        yield opened


def test_says_which_component_is_first_by_each_normalization(results):
    text = words(fisher_section(results))
    assert (
        "By Fisher information per scalar, output LayerNorm weight is first (6.00e+01 typical of the tasks), "
        "as in the paper. A LayerNorm tensor leads on 2 of 2 tasks, one of output LayerNorm on 2." in text
    )
    assert "By share of the model's Fisher information, output LayerNorm weight is first (10.6 %" in text


def test_says_that_the_claim_does_not_hold(write):
    maps = fisher_of([1.0])
    maps["mean"][0, 1:3, 2] = 99.0
    fields = {"layers": LAYERS, "components": COMPONENTS, "size": SIZE}
    with open_results(write([], fisher_runs=[{}], fisher=maps, **fields)) as results:
        section = fisher_section(results)
    assert "output dense weight is first (9.90e+01 on RTE), not output LayerNorm as in the paper" in words(
        section
    )
    assert {v.claim.key: v.ruling for v in section.verdicts} == {
        "fisher-largest": Ruling.NOT_DECIDABLE,  # one task is not most tasks
        "fisher-depth": Ruling.NOT_DECIDABLE,  # two layers have no trend
    }


def test_says_how_sure_the_first_place_is(results):
    assert "It is first in 100 % of 2,000 bootstrap draws of the seeds." in words(fisher_section(results))


def test_says_the_setting_once_where_tasks_share_it(results):
    text = words(fisher_section(results))
    assert "Setting: batch size 1, 1,024 examples, empirical labels, after training by full." in text
    assert "Up to 2 seeds per task." in text


def test_verdicts_of_the_sample_name_their_figures(sample):
    section = fisher_section(sample)
    assert {v.claim.key: v.ruling for v in section.verdicts} == {
        "fisher-largest": Ruling.SUPPORTED,
        "fisher-bias": Ruling.NOT_DECIDABLE,  # both have the same information, but for noise
        "fisher-depth": Ruling.SUPPORTED,
        "fisher-last": Ruling.SUPPORTED,
        "depth-reason": Ruling.SUPPORTED,
    }
    names = {picture.name for picture in section.pictures}
    assert {v.figure for v in section.verdicts} <= names


def test_cells_that_were_not_measured_are_left_empty(tmp_path):
    fields = fisher_fields()
    fields["fisher"]["mean"][:, 1:3, 2] = np.nan
    fields["fisher"]["sum"][:, 1:3, 2] = np.nan
    path = write_file(tmp_path / "partial.h5", small_content(**fields))
    with open_results(path) as results:
        assert fisher_by_task(results.fisher).sel(component="output.dense.weight").isnull().all()
        assert depth_profile(results.fisher).sel(task="RTE", part="all").values.tolist() == [15, 25]
        assert all(picture.png for picture in fisher_section(results).pictures)


@pytest.mark.parametrize(("factor", "ruling"), [(20, Ruling.SUPPORTED), (1 / 20, Ruling.NOT_SUPPORTED)])
def test_a_bias_of_output_layernorm_is_set_against_a_weight(tmp_path, factor, ruling):
    content = three_tasks()
    content.fisher["mean"][..., BERT_COMPONENTS.index("output.LayerNorm.bias")] *= factor
    with open_results(write_file(tmp_path / "bias.h5", content)) as results:
        section = fisher_section(results)
    (verdict,) = [own for own in section.verdicts if own.claim.key == "fisher-bias"]
    assert verdict.ruling == ruling
    assert verdict.reason in words(section)
