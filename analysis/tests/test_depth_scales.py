import numpy as np
import pytest
from conftest import COMPONENTS, FISHER_RUNS, FISHER_SCALE, LAYERS, SIZE, fisher_of
from make_file import write_file
from make_sample import SAMPLES, TASKS

from tunescope_analysis import open_results
from tunescope_analysis.report.blocks import Paragraph
from tunescope_analysis.report.claims import Ruling
from tunescope_analysis.topics.depth_scales.section import scale_sentence
from tunescope_analysis.topics.depth_scales.table import SCALE_PLACES, scale_profile, scale_table
from tunescope_analysis.topics.fisher.section import fisher_section
from tunescope_analysis.topics.fisher_depth.figure import depth_figure


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    path = tmp_path_factory.mktemp("sample") / "sample.h5"
    with open_results(write_file(path, SAMPLES["minilm"]())) as opened:
        yield opened


def verdict_of(section):
    return {verdict.claim.key: verdict for verdict in section.verdicts}.get("depth-reason")


def test_profiles_are_means_over_seeds_of_the_runs_behind_the_maps(write):
    """Runs 0 and 1 are the two seeds of RTE, run 5 is CoLA's; the others have other settings."""
    hidden = np.array([[0, 1, 2], [0, 3, 6], [0, 9, 9], [0, 9, 9], [0, 9, 9], [0, 5, 7]], float)
    scales = {"hidden_rms": np.pad(hidden, ((0, 0), (0, 2)), constant_values=np.nan)}
    fields = {"layers": LAYERS, "components": COMPONENTS, "size": SIZE, "scales": scales}
    path = write([], fisher_runs=FISHER_RUNS, fisher=fisher_of(FISHER_SCALE), **fields)
    with open_results(path) as results:
        profile = scale_profile(results.fisher)
    assert profile.dims == ("kind", "task", "part", "layer")
    own = profile.sel(kind="activation", part="hidden state")
    assert own.sel(task="RTE").values.tolist() == [2, 4]
    assert own.sel(task="CoLA").values.tolist() == [5, 7]
    assert profile.sel(part="attention branch").isnull().all()
    assert profile.sel(kind="gradient").isnull().all()


def test_table_of_the_sample(sample):
    table = scale_table(sample.fisher).set_index("task")
    assert table.index.tolist() == list(TASKS)
    assert table["growth"].values == pytest.approx(np.full(len(TASKS), 2.0))
    assert table["passed_on"].values == pytest.approx(np.full(len(TASKS), 2.0))
    assert (table["gradient"] > 0.9).all()
    assert table["activation"].values == pytest.approx(-table["gradient"].values)


def test_says_what_the_profiles_show(sample):
    assert scale_sentence(scale_table(sample.fisher)) == (
        "The hidden state's gradient is larger in the last layer than in the first on 8 of 8 tasks (2.00 "
        "times, median). Spearman's correlation over layers of LayerNorm's Fisher information is 1.00 with "
        "this gradient and −1.00 with the hidden state's own scale (medians over tasks). Output LayerNorm "
        "gets 2.00 times the gradient that it passes on to the feed-forward network below (median over "
        "layers and tasks)."
    )


@pytest.mark.parametrize(
    ("changed", "factor", "ruling"),
    [
        ("hidden_rms", 1.0, Ruling.SUPPORTED),
        (
            "feed_forward_branch_gradient_rms",
            10.0,
            Ruling.NOT_SUPPORTED,
        ),  # LayerNorm has the smaller gradient
        (
            "hidden_gradient_rms",
            np.array([1.0, 9, 7, 5, 3, 2, 0.5, 1, 1]),
            Ruling.NOT_SUPPORTED,
        ),  # falls with depth
    ],
)
def test_the_verdict_needs_both_depth_and_layernorm(tmp_path, changed, factor, ruling):
    content = SAMPLES["minilm"]()
    content.scales[changed] = content.scales[changed] * factor
    with open_results(write_file(tmp_path / "other.h5", content)) as results:
        verdict = verdict_of(fisher_section(results))
    assert verdict.ruling == ruling
    assert verdict.figure == "gradient_depth"


def test_later_layers_that_do_not_stand_out_need_no_reason(tmp_path):
    content = SAMPLES["minilm"]()
    for name in ("mean", "sum"):
        content.fisher[name][:, 1:7] = content.fisher[name][:, 6:0:-1]
    with open_results(write_file(tmp_path / "other.h5", content)) as results:
        verdict = verdict_of(fisher_section(results))
    assert verdict.ruling == Ruling.NOT_DECIDABLE
    assert "nothing to explain" in verdict.reason


def test_layernorm_alone_measured_has_not_the_largest_fisher_information(tmp_path):
    """Nothing else could lead: no verdict, and no reason for it either."""
    content = SAMPLES["minilm"]()
    others = ["LayerNorm" not in name for name in content.components]
    for name in ("mean", "sum", "max", "share"):
        content.fisher[name][:, :, others] = np.nan
    with open_results(write_file(tmp_path / "other.h5", content)) as results:
        section = fisher_section(results)
    rulings = {verdict.claim.key: verdict for verdict in section.verdicts}
    assert rulings["fisher-largest"].ruling == Ruling.NOT_DECIDABLE
    assert "there is no number on every task" in rulings["fisher-largest"].reason
    assert rulings["depth-reason"].ruling == Ruling.NOT_DECIDABLE


def test_runs_without_scales_say_what_to_run(fisher_file):
    with open_results(fisher_file) as results:
        assert scale_profile(results.fisher).size == 0
        section = fisher_section(results)
    notes = [block.text for block in section.blocks if isinstance(block, Paragraph) and block.is_note]
    assert any("run `tunescope fisher JOB` again" in note for note in notes)
    assert verdict_of(section) is None


def test_the_part_has_figures_and_their_numbers(sample):
    section = fisher_section(sample)
    assert {"gradient_depth", "activation_depth"} <= {picture.name for picture in section.pictures}
    (table,) = [table for table in section.tables if table.name == "depth_scales"]
    assert set(table.frame["part"]) == set(SCALE_PLACES.values())
    assert section.datasets["depth_scales"]["rms"].attrs["units"] == "1"


def test_a_narrow_log_axis_has_several_ticks(sample):
    figure = depth_figure(scale_profile(sample.fisher).sel(kind="activation"), "Activation")
    for axes in figure.axes:
        low, high = axes.get_ylim()
        assert sum(low <= tick <= high for tick in axes.get_yticks()) >= 3
