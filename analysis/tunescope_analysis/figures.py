"""Figures, for use in a notebook. Each function returns a matplotlib figure and touches no global state."""

from tunescope_analysis.topics.change.figure import change_figure
from tunescope_analysis.topics.fisher.figure import fisher_figure

__all__ = ["change_figure", "fisher_figure"]
