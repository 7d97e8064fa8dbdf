"""Almost stochastic order of every two methods of a task."""

from itertools import combinations

import pandas as pd
import xarray as xr

from tunescope_analysis.io.vocabulary import order_tasks
from tunescope_analysis.stats.stochastic_order import BETTER_BELOW, epsilon_bounds
from tunescope_analysis.topics.scores.table import best_trials, order_methods, score_table


def order_table(trials: xr.Dataset) -> pd.DataFrame:
    """Every ordered pair of methods of a task with two seeds each: is `first` almost always the better one?

    `ratio` is the violation ratio over the seeds at each one's best learning rate, `bound` its upper bound at
    95 %; `seeds` the smaller number of seeds. `is_better` tells whether the bound is below `BETTER_BELOW`.
    """
    best = best_trials(trials)
    methods = order_methods(score_table(trials))
    rows = []
    for task in order_tasks(best["task"]):
        own = best[best["task"] == task]
        samples = {m: own.loc[own["method"] == m, "score"].to_numpy(float) for m in methods}
        samples = {m: sample for m, sample in samples.items() if sample.size > 1}
        for first, second in combinations(samples, 2):
            seeds = min(samples[first].size, samples[second].size)
            ratio, forward, backward = epsilon_bounds(samples[first], samples[second])
            rows.append((task, first, second, seeds, ratio, forward))
            rows.append((task, second, first, seeds, 1 - ratio, backward))
    frame = pd.DataFrame(rows, columns=["task", "first", "second", "seeds", "ratio", "bound"])
    return frame.assign(is_better=frame["bound"] < BETTER_BELOW)
