import numpy as np
import pytest
import xarray as xr

from tunescope_analysis import open_results
from tunescope_analysis.topics.fisher_depth.table import depth_correlation, depth_profile


@pytest.fixture
def results(fisher_file):
    with open_results(fisher_file) as opened:
        yield opened


def test_profile_is_the_mean_over_scalars_of_a_layer(results):
    profile = depth_profile(results.fisher)
    assert profile["part"].values.tolist() == ["all", "LayerNorm", "output LayerNorm"]
    rte = profile.sel(task="RTE")
    assert rte.sel(part="LayerNorm").values.tolist() == [15, 25]  # 2 (4 · 5 + 4 · 10) / 8 and 2 (20 + 80) / 8
    assert rte.sel(part="output LayerNorm").values.tolist() == [20, 40]
    assert rte.sel(part="all").values.tolist() == pytest.approx([2 * 92 / 24, 2 * 132 / 24])


def profile_of(*values):
    coordinates = {"task": ["RTE"], "part": ["all"], "layer": [str(i) for i in range(len(values))]}
    return xr.DataArray([[list(values)]], coordinates, ("task", "part", "layer"))


@pytest.mark.parametrize(
    ("values", "rho"),
    [
        ((1.0, 2.0, 3.0), 1.0),
        ((3.0, 2.0, 1.0), -1.0),
        ((1.0, 3.0, 2.0, 4.0), 0.8),  # 1 − 6 · 2 / (4 · 15)
        ((1.0, np.nan, 3.0, 9.0), 1.0),
        ((1.0, 2.0), np.nan),
        ((2.0, 2.0, 2.0), np.nan),
    ],
)
def test_depth_correlation_is_spearmans(values, rho):
    assert depth_correlation(profile_of(*values))["spearman"].item() == pytest.approx(rho, nan_ok=True)


def test_layers_sort_as_numbers(results):
    profile = profile_of(*range(12))
    assert depth_correlation(profile)["spearman"].item() == pytest.approx(1)
