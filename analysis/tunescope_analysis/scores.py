"""Scores, for use in a notebook."""

from tunescope_analysis.topics.scores.table import score_table

__all__ = ["score_table"]
