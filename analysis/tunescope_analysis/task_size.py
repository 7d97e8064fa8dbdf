"""From which task size on is a small method not enough? The gap to `full` over training-set size."""

import numpy as np
import pandas as pd
import xarray as xr
from scipy import stats

from tunescope_analysis.paired import paired_scores
from tunescope_analysis.scores import best_trials, order_methods, score_table

FEWEST_SIZES = 4


def size_gaps(trials: xr.Dataset, reference: str = "full") -> pd.DataFrame:
    """Mean score less that of `reference`: a row a method and task, with its `train_examples`.

    `pairs` seeds are common to both; `standard_deviation` is over them.
    """
    columns = ["method", "task", "train_examples", "gap", "standard_deviation", "pairs"]
    if "train_examples" not in trials:
        return pd.DataFrame(columns=columns)
    best = best_trials(trials)
    sizes = best[best["method"] == reference].groupby("task")["train_examples"].median()
    rows = []
    for method in order_methods(score_table(trials)):
        if method == reference:
            continue
        groups = paired_scores(trials, method, reference).groupby("task")["difference"]
        for task, differences in groups:
            rows.append((method, task, int(sizes[task]), differences.mean(), differences.std(ddof=1),
                         len(differences)))  # fmt: skip
    frame = pd.DataFrame(rows, columns=columns)
    return frame.sort_values(["method", "train_examples", "task"], kind="stable", ignore_index=True)


def size_correlation(gaps: pd.DataFrame) -> pd.DataFrame:
    """Spearman's correlation of training-set size and gap a method; negative: behind where data is plenty."""
    rows = []
    for method, group in gaps.groupby("method", sort=False):
        sizes = group["train_examples"].nunique()
        is_defined = sizes >= FEWEST_SIZES and group["gap"].nunique() > 1
        test = stats.spearmanr(group["train_examples"], group["gap"]) if is_defined else None
        rows.append({"method": method, "sizes": sizes, "spearman": test.statistic if test else np.nan,
                     "p": test.pvalue if test else np.nan})  # fmt: skip
    return pd.DataFrame(rows, columns=["method", "sizes", "spearman", "p"])
