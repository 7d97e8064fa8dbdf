"""Fisher information, for use in a notebook."""

from tunescope_analysis.topics.fisher.table import fisher_by_task, rank_components

__all__ = ["fisher_by_task", "rank_components"]
