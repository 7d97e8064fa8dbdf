"""Trainable parameters beside the average score."""

from functools import partial

import numpy as np
import pandas as pd

from tunescope_analysis.io.results import Results, head_size
from tunescope_analysis.io.vocabulary import averaged_tasks
from tunescope_analysis.report.blocks import Column, Picture, Table, frame_table
from tunescope_analysis.report.formatting import count, percent, share
from tunescope_analysis.report.remedies import RUN_SWEEP
from tunescope_analysis.report.section import Section
from tunescope_analysis.topics.parameters.figure import parameters_figure
from tunescope_analysis.topics.parameters.table import average_table
from tunescope_analysis.topics.scores.table import score_table


def parameters_section(results: Results) -> Section:
    """The trainable parameters of each method beside its average score."""
    section = Section("parameters", "Trainable parameters and score")
    averages = average_table(results.trials, head_size(results))
    if averages.empty:
        section.add_note(f"There are no trials, so there is nothing to compare. {RUN_SWEEP}")
        return section
    if averages["seeds"].max() > 1:
        section.add_paragraph(
            "Intervals hold the average with 95 % confidence: Student's t over seeds, a seed's average over "
            "the tasks being one observation."
        )
    else:
        section.add_note(
            "No method has two seeds with every task, so there are no intervals. Run several `seeds`."
        )
    tasks = len(averaged_tasks(score_table(results.trials)["task"]))
    section.add(_parameter_table(averages, tasks))
    if averages["average"].isna().all():
        section.add_note(
            "No method has a score on every task, so there is no average to plot. Run what is missing: "
            "`tunescope sweep JOB`."
        )
        return section
    alt = (
        "Scatter plot of the table: score against trainable parameters on a log scale, one marker per method."
    )
    section.add(Picture("parameters", partial(parameters_figure, averages), alt))
    return section


def _parameter_table(averages: pd.DataFrame, tasks: int) -> Table:
    columns = {
        "method": Column("Method", is_number=False),
        "trainable_parameters": Column("Trainable", count),
        "share": Column("Share of all", share),
        "share_without_head": Column("Share without the head", share),
        "average": Column(f"{'Score' if tasks == 1 else 'Average'} × 100", percent),
        "interval": Column("95 % interval"),
        "seeds": Column("Seeds"),
    }
    intervals = [
        f"{percent(low)} to {percent(high)}" if np.isfinite(low) else "–"
        for low, high in zip(averages["low"], averages["high"], strict=True)
    ]
    return frame_table("parameters", averages.assign(interval=intervals), columns)
