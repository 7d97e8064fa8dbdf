import numpy as np
import pytest
import xarray as xr

from tunescope_analysis.report.claims import Ruling
from tunescope_analysis.topics.fisher_depth.table import thirds_of
from tunescope_analysis.topics.fisher_depth.verdict import fisher_last_verdict

PART = "output LayerNorm"


def profile_of(*tasks):
    """A profile of output LayerNorm, a list of layers a task."""
    coordinates = {
        "task": [f"task{place}" for place in range(len(tasks))],
        "part": [PART],
        "layer": [str(layer) for layer in range(len(tasks[0]))],
    }
    return xr.DataArray(np.array(tasks, dtype=float)[:, None], coordinates, ("task", "part", "layer"))


def test_thirds_are_means_over_their_layers_and_the_first_ones_are_longer():
    assert thirds_of(profile_of([1, 3, 5, 7, 9, 11]), PART).values.tolist() == [[2, 6, 10]]
    assert thirds_of(profile_of([1, 2, 3, 4, 5, 6, 8]), PART).values.tolist() == [[2, 4.5, 7]]
    # a layer without the tensor is no layer of it
    assert thirds_of(profile_of([np.nan, 3, 5, 7]), PART).values.tolist() == [[3, 5, 7]]


GROWING = [1, 1, 2, 2, 9, 9], [1, 1, 2, 2, 10, 10], [1, 1, 2, 2, 11, 12]
HUMP = [1, 1, 9, 9, 3, 3], [1, 1, 10, 10, 3, 3], [1, 1, 12, 11, 3, 3]
MIXED = [1, 1, 9, 9, 3, 3], [1, 1, 2, 2, 9, 9], [1, 1, 3, 3, 4, 4]


@pytest.mark.parametrize(
    ("tasks", "ruling"),
    [
        (GROWING, Ruling.SUPPORTED),
        ([layers[::-1] for layers in GROWING], Ruling.NOT_SUPPORTED),
        (HUMP, Ruling.NOT_SUPPORTED),  # more than the first layers, but the middle ones have more
        (MIXED, Ruling.NOT_DECIDABLE),
        (GROWING[:2], Ruling.NOT_DECIDABLE),
    ],
)
def test_the_last_third_has_to_have_more_than_either_other(tasks, ruling):
    verdict = fisher_last_verdict(profile_of(*tasks))
    assert verdict.ruling == ruling
    assert "that in the first third and" in verdict.reason


def test_five_layers_say_nothing_of_thirds():
    assert fisher_last_verdict(profile_of([1, 2, 3, 4, 5])) is None
    assert fisher_last_verdict(profile_of([1, 2, 3, 4, 5, np.nan])) is None
    assert fisher_last_verdict(profile_of(*GROWING).assign_coords(part=["all"])) is None
