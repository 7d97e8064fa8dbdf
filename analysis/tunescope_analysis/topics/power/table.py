"""The smallest difference to full fine-tuning that each test could have shown."""

import numpy as np
import pandas as pd
import xarray as xr

from tunescope_analysis.io.vocabulary import REFERENCE_METHOD
from tunescope_analysis.stats.power import detectable_difference, signed_rank_effect, t_effect
from tunescope_analysis.stats.thresholds import NO_SPREAD
from tunescope_analysis.topics.scores.table import best_trials
from tunescope_analysis.topics.significance.judgement import PAIRING_UNIT
from tunescope_analysis.topics.significance.table import UNITS, reference_pairs

POWER_COLUMNS = [
    "unit", "method", "tasks", "pairs", "deviation", "seed_deviation", "t_difference",
    "signed_rank_difference", "margin", "seed_difference",
]  # fmt: skip


def power_table(trials: xr.Dataset) -> pd.DataFrame:
    """A row per unit and method that has two pairs with `full` that do not all differ by the same.

    `deviation` is that of the differences over the unit's pairs; `t_difference` and
    `signed_rank_difference` are the smallest true differences that the two tests show, the second with
    Holm's correction over the methods; `margin` is the smallest within which the method can be shown to be
    as good as `full` if both are equal. `seed_deviation` is that of scores between seeds, and
    `seed_difference` what the t test would show if nothing but seeds made differences differ. All are
    fractions.
    """
    rows = []
    by_seed = reference_pairs(trials, PAIRING_UNIT)
    for unit in UNITS:
        groups = reference_pairs(trials, unit)
        for method, pairs in groups.items():
            deviation = (pairs["first"] - pairs["second"]).std(ddof=1)
            if not deviation > NO_SPREAD:
                continue
            seeds = seed_deviation(trials, method, set(pairs["task"]))
            number = len(pairs)
            seeds_per_pair = len(by_seed[method]) / number
            by_seeds = detectable_difference(number, seeds / np.sqrt(seeds_per_pair))
            effects = t_effect(number), signed_rank_effect(number, len(groups)), t_effect(number, "larger")
            rows.append((unit, method, pairs["task"].nunique(), number, deviation, seeds,
                         *(deviation * effect for effect in effects), by_seeds))  # fmt: skip
    return pd.DataFrame(rows, columns=POWER_COLUMNS)


def seed_deviation(trials: xr.Dataset, method: str, tasks: set[str]) -> float:
    """The standard deviation of scores between seeds, pooled over these tasks and the method and `full`.

    NaN if no task has two seeds.
    """
    best = best_trials(trials)
    best = best[best["task"].isin(tasks) & best["method"].isin([method, REFERENCE_METHOD])]
    groups = best.groupby(["task", "method"])["score"]
    freedom = len(best) - groups.ngroups
    squares = ((best["score"] - groups.transform("mean")) ** 2).sum()
    return float(np.sqrt(squares / freedom)) if freedom else np.nan
