"""From which task size on is a small method not enough? The gap to `full` over training-set size."""

import numpy as np
import pandas as pd
import xarray as xr

from tunescope_analysis.io.vocabulary import REFERENCE_METHOD
from tunescope_analysis.stats.correlation import permutation_spearman
from tunescope_analysis.topics.scores.learned_tasks import learned_by_either
from tunescope_analysis.topics.scores.pairs import paired_scores
from tunescope_analysis.topics.scores.table import best_trials, order_methods, score_table

MIN_SIZES = 5  # of four no order reaches p < 0.05: 2 of 4! pairings are 0.083


def size_gaps(trials: xr.Dataset) -> pd.DataFrame:
    """Mean score minus that of `full`: a row per method and task, with its `train_examples`.

    `pairs` seeds are common to both; `standard_deviation` is over them. Tasks on which neither has learned
    anything are left out: a gap of 0 there says nothing of the method.
    """
    columns = ["method", "task", "train_examples", "gap", "standard_deviation", "pairs"]
    if "train_examples" not in trials:
        return pd.DataFrame(columns=columns)
    best = best_trials(trials)
    sizes = best[best["method"] == REFERENCE_METHOD].groupby("task")["train_examples"].median()
    rows = []
    table = score_table(trials)
    for method in order_methods(table):
        if method == REFERENCE_METHOD:
            continue
        learned = learned_by_either(table, method, REFERENCE_METHOD)
        groups = paired_scores(trials, method, REFERENCE_METHOD).groupby("task")["difference"]
        for task, differences in groups:
            if task not in learned:
                continue
            rows.append((method, task, int(sizes[task]), differences.mean(), differences.std(ddof=1),
                         len(differences)))  # fmt: skip
    frame = pd.DataFrame(rows, columns=columns)
    return frame.sort_values(["method", "train_examples", "task"], kind="stable", ignore_index=True)


def size_correlation(gaps: pd.DataFrame) -> pd.DataFrame:
    """Spearman's correlation of training-set size and gap per method; negative: it falls behind on more data.

    A row per method: `sizes` counts distinct sizes, `gaps` observations. `spearman` and `p` are NaN below
    `MIN_SIZES`, and if several tasks have several sizes each: the gaps of one task are not independent.
    """
    rows = []
    for method, group in gaps.groupby("method", sort=False):
        sizes = group["train_examples"].nunique()
        is_mixed = group["task"].nunique() > 1 and group["task"].duplicated().any()
        is_defined = sizes >= MIN_SIZES and group["gap"].nunique() > 1 and not is_mixed
        values = group["train_examples"].to_numpy(float), group["gap"].to_numpy(float)
        rho, p = permutation_spearman(*values) if is_defined else (np.nan, np.nan)
        rows.append({"method": method, "sizes": sizes, "gaps": len(group), "spearman": rho, "p": p})
    return pd.DataFrame(rows, columns=["method", "sizes", "gaps", "spearman", "p"])
