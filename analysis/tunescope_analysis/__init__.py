"""Offline analysis of Tunescope result files; needs neither MPI nor LibTorch."""

from tunescope_analysis.io.results import Results, ResultsError, open_results

__all__ = ["Results", "ResultsError", "open_results"]
