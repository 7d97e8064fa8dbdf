"""Tests of all methods over tasks, and of each method against full fine-tuning."""

from itertools import combinations

import pandas as pd
import xarray as xr

from tunescope_analysis.io.vocabulary import REFERENCE_METHOD
from tunescope_analysis.stats.hypothesis_tests import holm
from tunescope_analysis.stats.paired import compare_pairs
from tunescope_analysis.stats.rank_tests import average_ranks
from tunescope_analysis.stats.signed_rank import signed_rank
from tunescope_analysis.topics.scores.learned_tasks import learned_by_either, tasks_learned
from tunescope_analysis.topics.scores.pairs import paired_scores
from tunescope_analysis.topics.scores.table import order_methods, score_table

UNITS = {"task": "task means", "task and seed": "tasks and seeds"}


def score_matrix(trials: xr.Dataset) -> pd.DataFrame:
    """Mean scores `[task × method]` at the best learning rates, without holes.

    Tasks on which no method has learned anything are left out, and then, one after another, the method or
    task with the largest share of holes (our choice; of equals, the method).
    """
    table = score_table(trials)
    methods = order_methods(table)
    means = table.pivot(index="task", columns="method", values="mean")[methods]
    learned = set().union(*(tasks_learned(table, method) for method in methods))
    means = means[means.index.isin(learned)]
    while means.isna().any(axis=None):
        by_method, by_task = means.isna().mean(axis="index"), means.isna().mean(axis="columns")
        if by_method.max() >= by_task.max():
            means = means.drop(columns=by_method.idxmax())
        else:
            means = means.drop(index=by_task.idxmax())
    return means


def rank_methods(matrix: pd.DataFrame) -> pd.Series:
    """The average rank of each method of a matrix `[task × method]`, the best first."""
    ranks = pd.Series(average_ranks(matrix.to_numpy(float)), index=matrix.columns)
    return ranks.sort_values(kind="stable")


def unit_pairs(trials: xr.Dataset, first: str, second: str, unit: str) -> pd.DataFrame:
    """Pairs of scores of two methods: a row per task and seed, or per task for means over seeds."""
    pairs = paired_scores(trials, first, second)
    return pairs if unit != "task" else pairs.groupby("task", as_index=False)[["first", "second"]].mean()


def reference_pairs(trials: xr.Dataset, unit: str) -> dict[str, pd.DataFrame]:
    """The pairs of every method and `full`, by method, of those that have any.

    Tasks on which neither has learned anything are left out: there all methods are alike.
    """
    table = score_table(trials)
    found = {}
    for method in order_methods(table):
        pairs = unit_pairs(trials, method, REFERENCE_METHOD, unit)
        pairs = pairs[pairs["task"].isin(learned_by_either(table, method, REFERENCE_METHOD))]
        if method != REFERENCE_METHOD and len(pairs):
            found[method] = pairs
    return found


def against_reference(trials: xr.Dataset) -> pd.DataFrame:
    """Every method against `full`, a row per unit and method; `holm_p` corrects p within a unit (Holm).

    Units: `task` (means over seeds, as Demšar 2006 advises) and `task and seed`, which has more pairs but
    takes seeds of one task for independent tasks.
    """
    rows = [
        {"unit": unit, "method": method, "reference": REFERENCE_METHOD, **_compare(pairs)}
        for unit in UNITS
        for method, pairs in reference_pairs(trials, unit).items()
    ]
    columns = ["unit", "method", "reference", "pairs", "mean_difference", "low", "high", "p", "smallest_p",
               "equivalence_p"]  # fmt: skip
    frame = pd.DataFrame(rows, columns=columns)
    return frame.assign(holm_p=frame.groupby("unit")["p"].transform(lambda p: holm(p.to_numpy(float))))


def pairwise_tests(matrix: pd.DataFrame) -> pd.DataFrame:
    """Wilcoxon's test of every two methods over tasks, with Holm's correction over all of them."""
    rows = []
    for first, second in combinations(matrix.columns, 2):
        difference = (matrix[first] - matrix[second]).to_numpy()
        test = signed_rank(difference)
        rows.append({"first": first, "second": second, "mean_difference": difference.mean(), "p": test.p,
                     "smallest_p": test.smallest})  # fmt: skip
    frame = pd.DataFrame(rows, columns=["first", "second", "mean_difference", "p", "smallest_p"])
    return frame.assign(holm_p=holm(frame["p"].to_numpy(float)))


def _compare(pairs: pd.DataFrame) -> dict[str, float]:
    """`compare_pairs` of the columns `first` and `second` of a frame such as `paired_scores` gives."""
    return compare_pairs(pairs["first"].to_numpy(float), pairs["second"].to_numpy(float))
