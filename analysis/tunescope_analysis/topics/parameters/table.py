"""How many parameters a method trains, and its average score over tasks."""

import numpy as np
import pandas as pd
import xarray as xr

from tunescope_analysis.io.vocabulary import averaged_tasks
from tunescope_analysis.stats.paired import student_interval
from tunescope_analysis.topics.scores.table import best_trials, glue_average, order_methods, score_table


def average_table(trials: xr.Dataset, head_size: float = np.nan) -> pd.DataFrame:
    """A row per method, the most trainable first: its size and its average score over `averaged_tasks`.

    `trainable_parameters` and `total_parameters` count scalars. `share` is of all of them, and
    `share_without_head`, which is what papers print, leaves out a head of `head_size` scalars. `average` is a
    fraction, NaN if a task is missing; `low` and `high` are a 95 % Student interval about it. Its width comes
    from the `seeds` that have every task, of which each one's average over tasks is one observation; it is
    NaN if they are fewer than two or all alike.
    """
    table, best = score_table(trials), best_trials(trials)
    tasks = averaged_tasks(table["task"])
    best = best[best["task"].isin(tasks)]
    frame = method_parameters(table).rename_axis("method").reset_index()
    trainable, total = frame["trainable_parameters"], frame["total_parameters"].replace(0, np.nan)
    average = glue_average(table).reindex(frame["method"]).to_numpy(float)
    by_seed = [_seed_averages(best[best["method"] == method], len(tasks)) for method in frame["method"]]
    half = np.array([np.ptp(student_interval(averages, 0.95)) / 2 for averages in by_seed])
    return frame.assign(
        share=trainable / total,
        share_without_head=(trainable - head_size) / (total - head_size),
        average=average,
        low=average - half,
        high=average + half,
        seeds=[len(averages) for averages in by_seed],
    )


def method_parameters(table: pd.DataFrame) -> pd.DataFrame:
    """Trainable and total parameters of each method: medians over tasks, the most trainable first."""
    columns = ["trainable_parameters", "total_parameters"]
    medians = table.groupby("method")[columns].median()
    return medians.loc[order_methods(table)]


def _seed_averages(best: pd.DataFrame, tasks: int) -> np.ndarray:
    """A method's average over tasks, of each seed that has them all."""
    seeds = best.groupby("seed")["score"].agg(["mean", "count"])
    averages: np.ndarray = seeds.loc[seeds["count"] == tasks, "mean"].to_numpy(float)
    return averages
