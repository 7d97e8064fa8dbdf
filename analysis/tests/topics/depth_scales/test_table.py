import numpy as np
import pytest
from make_sample import TASKS
from small_sweep import COMPONENTS, FISHER_RUNS, FISHER_SCALE, LAYERS, SIZE, fisher_of

from tunescope_analysis import open_results
from tunescope_analysis.topics.depth_scales.table import scale_profile, scale_table
from tunescope_analysis.topics.fisher_depth.figure import depth_figure


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


def test_a_narrow_log_axis_has_several_ticks(sample):
    figure = depth_figure(scale_profile(sample.fisher).sel(kind="activation"), "Activation")
    for axes in figure.axes:
        low, high = axes.get_ylim()
        assert sum(low <= tick <= high for tick in axes.get_yticks()) >= 3
