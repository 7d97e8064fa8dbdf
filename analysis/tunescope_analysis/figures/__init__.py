"""Figures. Each function returns a matplotlib figure and touches no global state."""

from tunescope_analysis.figures.maps import EMPTY, ZERO, change_figure, fisher_figure
from tunescope_analysis.figures.scores import parameters_figure, scores_figure

__all__ = ["EMPTY", "ZERO", "change_figure", "fisher_figure", "parameters_figure", "scores_figure"]
