"""Parameter change, for use in a notebook."""

from tunescope_analysis.topics.change.table import change_by_task

__all__ = ["change_by_task"]
