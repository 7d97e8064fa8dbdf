"""A method far from all others must not hide how the others differ."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from tunescope_analysis.report.drawing.axis_limits import far_below, focus_rows, focus_series


@pytest.fixture
def axes():
    return Figure().add_subplot()


def spans(**ends):
    return {name: np.array(values, dtype=float) for name, values in ends.items()}


@pytest.mark.parametrize(
    ("series", "far"),
    [
        (spans(full=[83, 84], bitfit=[82, 83], layernorm=[82, 84], head=[67, 69]), ["head"]),
        (spans(full=[70], layernorm=[69], head=[65]), []),  # nearer than five points
        (spans(full=[70], layernorm=[62], head=[55]), []),  # the others are as far apart
        (spans(full=[54, 81], layernorm=[54, 73], bitfit=[54, 69]), []),  # the seeds overlap
        (spans(full=[71.5], layernorm=[62.4], bitfit=[61.4]), []),  # the best stays, however far
        (spans(full=[70], head=[55]), []),  # two have no rest
        (spans(full=[70], layernorm=[70], head=[55], bitfit=[np.nan]), ["head"]),
        (spans(full=[90], layernorm=[90], head=[70], broken=[0]), ["broken", "head"]),
    ],
)
def test_far_is_below_all_others_by_more_than_they_span(series, far):
    assert far_below(series) == far


def test_a_far_series_is_named_with_its_value_and_the_rest_fills_the_panel(axes):
    near = {"full": np.array([83.0, 84.0]), "bitfit": np.array([82.5, 83.5]), "layernorm": np.array([83.0])}
    focus_series(axes, near | {"head\nalone": np.array([67.0, 69.0])})
    low, high = axes.get_ylim()
    assert 82.0 < low < 82.5
    assert 84.0 < high < 84.5
    assert [text.get_text() for text in axes.texts] == ["↓ head alone 68.0"]


def test_series_that_are_near_leave_the_axis_alone(axes):
    before = axes.get_ylim()
    focus_series(axes, {"a": np.array([1.0]), "b": np.array([2.0]), "c": np.array([3.0])})
    assert axes.get_ylim() == before
    assert not list(axes.texts)


def test_a_far_row_prints_its_mean_on_its_line(axes):
    focus_rows(axes, {0: np.array([-0.7, -0.5]), 1: np.array([-0.6, -0.2]), 2: np.array([-15.7, -15.3])})
    low, high = axes.get_xlim()
    assert -1.0 < low < -0.7
    assert -0.2 < high < 0.0
    (text,) = axes.texts
    assert (text.get_text(), text.get_position()[1]) == ("← −15.5", 2)
