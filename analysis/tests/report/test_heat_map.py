import numpy as np
import pytest
import xarray as xr
from matplotlib.colors import LogNorm, to_rgba

from tunescope_analysis import open_results
from tunescope_analysis.report.drawing.heat_map import MISSING_COLOUR, ZERO_COLOUR
from tunescope_analysis.topics.change.figure import change_figure
from tunescope_analysis.topics.change.table import change_by_task


def small_map(cells):
    """One task, layers 0 and 1, components a and b."""
    coordinates = {"task": ["RTE"], "layer": ["0", "1"], "component": ["a.weight", "b.weight"]}
    return xr.DataArray([cells], coordinates, ("task", "layer", "component"), name="rms")


def image_of(figure):
    return next(axes.images[0] for axes in figure.axes if axes.images)


def texts(figure):
    return [text.get_text() for axes in figure.axes for text in (axes.xaxis.label, axes.title)] + [
        text.get_text() for text in figure.texts
    ]


def colours(figure):
    """RGBA `[component, layer, 4]` as drawn."""
    image = image_of(figure)
    return image.to_rgba(image.get_array())


def test_missing_cells_are_grey_and_zeros_white():
    drawn = colours(change_figure(small_map([[1.0, np.nan], [0.0, 2.0]])))
    assert drawn[1, 0] == pytest.approx(to_rgba(MISSING_COLOUR))
    assert drawn[0, 1] == pytest.approx(to_rgba(ZERO_COLOUR))
    assert tuple(drawn[0, 0]) not in (to_rgba(MISSING_COLOUR), to_rgba(ZERO_COLOUR))


def test_zeros_are_white_on_a_log_scale_too():
    drawn = colours(change_figure(small_map([[1e-3, np.nan], [0.0, 2.0]])))
    assert drawn[1, 0] == pytest.approx(to_rgba(MISSING_COLOUR))
    assert drawn[0, 1] == pytest.approx(to_rgba(ZERO_COLOUR))


def test_a_wide_range_is_logarithmic_and_says_so():
    figure = change_figure(small_map([[1.0, 2.0], [3.0, 100.0]]))
    assert isinstance(image_of(figure).norm, LogNorm)
    assert any("log scale" in text for text in texts(figure))


def test_a_narrow_range_is_linear_and_says_so():
    figure = change_figure(small_map([[1.0, 2.0], [3.0, 99.0]]))
    assert not isinstance(image_of(figure).norm, LogNorm)
    assert any("linear scale" in text for text in texts(figure))


def test_values_below_the_scale_are_named():
    figure = change_figure(small_map([[1e-9, 2.0], [3.0, 10.0]]))
    assert image_of(figure).norm.vmin == pytest.approx(1e-3)
    assert any("darkest: 1.0e-03 or less" in text for text in texts(figure))


def test_a_map_of_zeros_can_be_drawn():
    drawn = colours(change_figure(small_map([[0.0, 0.0], [0.0, np.nan]])))
    assert drawn[0, 0] == pytest.approx(to_rgba(ZERO_COLOUR))


def test_all_panels_share_one_colour_scale(small_file):
    with open_results(small_file) as results:
        figure = change_figure(change_by_task(results.change, results.trials))
    images = [axes.images[0] for axes in figure.axes if axes.images]
    assert len(images) == 3
    assert len({(image.norm.vmin, image.norm.vmax) for image in images}) == 1


def test_the_scale_leaves_out_head_and_key_biases():
    names = ["attention.self.key.bias", "output.dense.weight", "weight"]
    values = xr.DataArray(
        [[[1e-12, 2.0, np.nan], [1e-12, 3.0, np.nan], [np.nan, np.nan, 1e6]]],
        dims=("task", "layer", "component"),
        coords={"task": ["RTE"], "layer": ["0", "1", "head"], "component": names},
        name="rms",
    )
    figure = change_figure(values)
    assert (image_of(figure).norm.vmin, image_of(figure).norm.vmax) == (2.0, 3.0)
    notes = " ".join(text.get_text() for text in figure.texts)
    assert "darkest: 2.0e+00 or less; brightest: 3.0e+00 or more" in notes
