"""Are methods alike or not? Tests over tasks and seeds, of difference and of equivalence."""

import warnings
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
import xarray as xr
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import ttost_paired

from tunescope_analysis.paired import paired_scores, signed_rank
from tunescope_analysis.scores import (
    MARGIN,
    NO_SPREAD,
    learned_by_either,
    order_methods,
    score_table,
    student_interval,
    tasks_learned,
)

REFERENCE = "full"
LEVEL = 0.05
FEWEST_METHODS = 3
UNITS = {"task": "task means", "task and seed": "tasks and seeds"}


@dataclass(frozen=True)
class Friedman:
    """Friedman's test over tasks: do any methods differ in rank? `p` from the chi-square distribution.

    `smallest` is the p of the same order of methods on every task, which nothing can undercut.
    """

    statistic: float
    p: float
    smallest: float
    tasks: int
    methods: int


def score_matrix(trials: xr.Dataset) -> pd.DataFrame:
    """Mean scores `[task × method]` at the best learning rates, without holes.

    Tasks on which no method has learned anything are left out, and then, one after another, the method or
    task with the largest share of holes (our choice; of equals, the method).
    """
    table = score_table(trials)
    methods = order_methods(table)
    means = table.pivot(index="task", columns="method", values="mean")[methods]
    learned = set().union(*(tasks_learned(trials, method) for method in methods))
    means = means[means.index.isin(learned)]
    while means.isna().any(axis=None):
        by_method, by_task = means.isna().mean(axis="index"), means.isna().mean(axis="columns")
        if by_method.max() >= by_task.max():
            means = means.drop(columns=by_method.idxmax())
        else:
            means = means.drop(index=by_task.idxmax())
    return means


def average_ranks(matrix: pd.DataFrame) -> pd.Series:
    """Each method's rank, mean over tasks: 1 is the best score, equals share the mean of their ranks."""
    return matrix.rank(axis="columns", ascending=False).mean().sort_values(kind="stable")


def friedman(matrix: pd.DataFrame) -> Friedman | None:
    """The test; None below three methods or two tasks, where it is undefined."""
    tasks, methods = matrix.shape
    if methods < FEWEST_METHODS or tasks < 2:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        test = stats.friedmanchisquare(*(matrix[method] for method in matrix))
    smallest = stats.chi2.sf(tasks * (methods - 1), methods - 1)
    return Friedman(float(test.statistic), float(test.pvalue), float(smallest), tasks, methods)


def critical_difference(methods: int, tasks: int, level: float = LEVEL) -> float:
    """Average ranks nearer than this do not differ at `level`: Nemenyi's test (Demšar 2006, 3.2.2)."""
    q = stats.studentized_range.ppf(1 - level, methods, np.inf) / np.sqrt(2)
    return float(q * np.sqrt(methods * (methods + 1) / (6 * tasks)))


def cliques(ranks: pd.Series, difference: float) -> list[tuple[str, str]]:
    """First and last method of each longest run of methods that are nearer than `difference`."""
    ordered = ranks.sort_values(kind="stable")
    names, values = [str(name) for name in ordered.index], ordered.to_numpy()
    ends = [int(np.searchsorted(values, value + difference, side="right")) - 1 for value in values]
    runs = [(start, end) for start, end in enumerate(ends) if end > start]
    longest = [(s, e) for s, e in runs if not any(a <= s and e <= b and (a, b) != (s, e) for a, b in runs)]
    return [(names[start], names[end]) for start, end in longest]


def equivalence(first: np.ndarray, second: np.ndarray) -> float:
    """p of two one-sided paired t tests: small where the mean difference lies within ± `MARGIN`.

    NaN below two pairs, or where all differences are equal: what so few pairs spread is not known then.
    """
    differences = np.asarray(first) - np.asarray(second)
    if differences.size < 2 or np.ptp(differences) < NO_SPREAD:
        return np.nan
    return float(ttost_paired(np.asarray(first), np.asarray(second), -MARGIN, MARGIN)[0])


def compare(pairs: pd.DataFrame, comparisons: int = 1) -> dict[str, float]:
    """Difference, interval and tests of `first` and `second` of a frame such as `paired_scores` gives.

    The interval `low` to `high` lies inside ± `MARGIN` just where `equivalence_p` is below `LEVEL`, divided
    by the number of `comparisons` (Bonferroni). NaN as in `equivalence`.
    """
    first, second = pairs["first"].to_numpy(float), pairs["second"].to_numpy(float)
    test = signed_rank(first - second)
    low, high = student_interval(first - second, 1 - 2 * LEVEL / comparisons)
    return {
        "pairs": len(pairs),
        "mean_difference": float((first - second).mean()) if len(pairs) else np.nan,
        "low": low,
        "high": high,
        "p": test.p,
        "smallest_p": test.smallest,
        "equivalence_p": equivalence(first, second),
    }


def unit_pairs(trials: xr.Dataset, first: str, second: str, unit: str) -> pd.DataFrame:
    """Pairs of scores of two methods: a row a task and seed, or a task, its mean over the common seeds."""
    pairs = paired_scores(trials, first, second)
    return pairs if unit != "task" else pairs.groupby("task", as_index=False)[["first", "second"]].mean()


def against_reference(trials: xr.Dataset) -> pd.DataFrame:
    """Every method against `full`, a row a unit and method; `holm_p` corrects p within a unit (Holm).

    Units: `task` (means over seeds, as Demšar 2006 advises) and `task and seed`, which has more pairs but
    takes seeds of one task for independent tasks. Tasks on which neither has learned anything are left out:
    there all methods are alike.
    """
    methods = [method for method in order_methods(score_table(trials)) if method != REFERENCE]
    rows = []
    for unit in UNITS:
        for method in methods:
            pairs = unit_pairs(trials, method, REFERENCE, unit)
            pairs = pairs[pairs["task"].isin(learned_by_either(trials, method, REFERENCE))]
            if len(pairs):
                rows.append({"unit": unit, "method": method, "reference": REFERENCE, **compare(pairs)})
    columns = ["unit", "method", "reference", "pairs", "mean_difference", "low", "high", "p", "smallest_p",
               "equivalence_p"]  # fmt: skip
    frame = pd.DataFrame(rows, columns=columns)
    return frame.assign(holm_p=frame.groupby("unit")["p"].transform(holm))


def welch(first: np.ndarray, second: np.ndarray) -> float:
    """p of Welch's t test; where neither sample has any spread, 1 for equal means and NaN for others."""
    if np.ptp(first) < NO_SPREAD and np.ptp(second) < NO_SPREAD:
        return 1.0 if abs(first[0] - second[0]) < NO_SPREAD else np.nan
    with warnings.catch_warnings():  # one sample without spread is no trouble
        warnings.simplefilter("ignore", RuntimeWarning)
        return float(stats.ttest_ind(first, second, equal_var=False).pvalue)


def holm(p: pd.Series) -> pd.Series:
    """Holm's adjusted p values; NaN stays, and does not count."""
    known = p.dropna()
    if known.empty:
        return p.astype(float)
    return pd.Series(multipletests(known, method="holm")[1], index=known.index).reindex(p.index)


def pairwise_tests(matrix: pd.DataFrame) -> pd.DataFrame:
    """Wilcoxon's test of every two methods over tasks, with Holm's correction over all of them."""
    rows = []
    for first, second in combinations(matrix.columns, 2):
        difference = (matrix[first] - matrix[second]).to_numpy()
        test = signed_rank(difference)
        rows.append({"first": first, "second": second, "mean_difference": difference.mean(), "p": test.p,
                     "smallest_p": test.smallest})  # fmt: skip
    frame = pd.DataFrame(rows, columns=["first", "second", "mean_difference", "p", "smallest_p"])
    return frame.assign(holm_p=holm(frame["p"]))
