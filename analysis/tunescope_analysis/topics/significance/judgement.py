"""Whether one method is as good as another within a margin, or better than it."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import xarray as xr

from tunescope_analysis.report.claims import MIN_TASKS, Ruling
from tunescope_analysis.report.formatting import join_words, plural, points, share
from tunescope_analysis.stats.paired import mean_difference
from tunescope_analysis.stats.thresholds import LEVEL, MARGIN
from tunescope_analysis.topics.scores.learned_tasks import (
    CORRELATION_METRICS,
    diverged_trials,
    learned_by_either,
)
from tunescope_analysis.topics.scores.table import score_table
from tunescope_analysis.topics.significance.table import unit_pairs

PAIRING_UNIT = "task and seed"

Rule = Callable[[float, float], tuple[Ruling, str]]
"""What an interval of the mean difference decides, and where it lies, in words."""


def as_good(low: float, high: float) -> tuple[Ruling, str]:
    """The first method is less than the margin behind, or better: one-sided test of non-inferiority."""
    limit = points(-MARGIN)
    if low > -MARGIN:
        return Ruling.SUPPORTED, f"above {limit}"
    if high < -MARGIN:
        return Ruling.NOT_SUPPORTED, f"below {limit}"
    return Ruling.NOT_DECIDABLE, f"on both sides of {limit}"


def better(low: float, high: float) -> tuple[Ruling, str]:
    """The first method scores higher; not if it scores lower, nor if both are alike within the margin."""
    if low > 0:
        return Ruling.SUPPORTED, "above 0"
    if high < 0:
        return Ruling.NOT_SUPPORTED, "below 0"
    if low > -MARGIN and high < MARGIN:
        return Ruling.NOT_SUPPORTED, f"between {points(-MARGIN)} and {points(MARGIN)}, so they are alike"
    return Ruling.NOT_DECIDABLE, "on both sides of 0"


@dataclass(frozen=True)
class Judgement:
    """What the runs say of two methods, why, and the interval of their mean difference."""

    ruling: Ruling
    reason: str
    low: float = np.nan
    high: float = np.nan


def judge(
    trials: xr.Dataset, first: str, second: str, comparisons: int = 1, rule: Rule = as_good
) -> Judgement:
    """Whether `first` is to `second` as the `rule` says.

    Pairs are tasks and seeds. The rule looks at the interval of the mean difference, which is of 90 %,
    wider for several `comparisons` (Bonferroni); few tasks and lost trials weaken what it says. Tasks on
    which neither has learned anything are left out: there all are alike.
    """
    table, pairs = score_table(trials), unit_pairs(trials, first, second, PAIRING_UNIT)
    is_empty = ~pairs["task"].isin(learned_by_either(table, first, second))
    empty = sorted(set(pairs.loc[is_empty, "task"]))
    pairs = pairs[~is_empty]
    if len(pairs) < 2:
        return Judgement(Ruling.NOT_DECIDABLE, _too_few_sentence(first, second, len(pairs), empty))
    mean, low, high = _interval(pairs, comparisons)
    reason = f"{first} differs from {second} by {points(mean)} points over {len(pairs)} tasks and seeds"
    if np.isnan(low):
        return Judgement(Ruling.NOT_DECIDABLE, f"{reason}, all by the same, which leaves no interval.")
    level = share(1 - 2 * LEVEL / comparisons)
    corrected = f", corrected for {comparisons} comparisons" if comparisons > 1 else ""
    ruling, where = rule(low, high)
    reason += f" ({level} interval {points(low)} to {points(high)}{corrected}). The interval lies {where}."
    if empty:
        reason += f" Left out: {join_words(empty)}, where neither has learned anything."
    judgement = Judgement(ruling, reason, low, high)
    diverged = {method: diverged_trials(trials, method)["task"] for method in (first, second)}
    lost = {method: int((~tasks.isin(empty)).sum()) for method, tasks in diverged.items()}
    judgement = _for_few_tasks(judgement, pairs, _unknown_tasks(table, pairs), comparisons, rule)
    return _for_lost_trials(judgement, lost)


def _interval(pairs: pd.DataFrame, comparisons: int) -> tuple[float, float, float]:
    """The mean difference of pairs of scores, and both ends of its interval."""
    return mean_difference(pairs["first"].to_numpy(float), pairs["second"].to_numpy(float), comparisons)


def _for_few_tasks(
    judgement: Judgement, pairs: pd.DataFrame, unknown: list[str], comparisons: int, rule: Rule
) -> Judgement:
    """The judgement, weakened if tasks are few, or if nobody may have learned anything on some of them.

    The file does not tell of the `unknown` tasks whether anything was learned. Where nothing was, all methods
    are alike, so a ruling that likeness may have made has to hold for the others alone, too.
    """
    ruling, reason, low, high = judgement.ruling, judgement.reason, judgement.low, judgement.high
    tasks = pairs["task"].nunique()
    if ruling != Ruling.NOT_DECIDABLE and high > -MARGIN and unknown:
        told = pairs[~pairs["task"].isin(unknown)]
        tasks, (_, own_low, own_high) = told["task"].nunique(), _interval(told, comparisons)
        low, high = min(low, own_low), max(high, own_high)
        ruling = ruling if rule(own_low, own_high)[0] == ruling else Ruling.NOT_DECIDABLE
        reason += (
            f" Whether anything was learned on {join_words(unknown)} only a run of `head` can tell; on the "
            f"other tasks, {tasks}, the interval is {points(own_low)} to {points(own_high)}."
        )
    if tasks < MIN_TASKS:
        ruling = Ruling.NOT_DECIDABLE
        reason += f" A claim about tasks needs {MIN_TASKS}."
    return Judgement(ruling, reason, low, high)


def _for_lost_trials(judgement: Judgement, lost: dict[str, int]) -> Judgement:
    """The judgement, weakened if trials diverged, of which `lost` has the number by method.

    Those of the method that the ruling speaks for could have overturned it.
    """
    ruling, reason = judgement.ruling, judgement.reason
    for method, favoured_by in zip(lost, (Ruling.SUPPORTED, Ruling.NOT_SUPPORTED), strict=True):
        if lost[method]:
            ruling = Ruling.NOT_DECIDABLE if ruling == favoured_by else ruling
            reason += f" {method} diverged in {plural(lost[method], 'trial')}, of which no pair speaks."
    return replace(judgement, ruling=ruling, reason=reason)


def _too_few_sentence(first: str, second: str, pairs: int, empty: list[str]) -> str:
    if not empty:
        return f"{first} and {second} need two tasks or seeds in common; they have {pairs}."
    return (
        f"Neither {first} nor {second} has learned anything on {join_words(empty)}: they are no better than "
        "the head alone or chance, so they look the same. Train on more examples or for longer."
    )


def _unknown_tasks(table: pd.DataFrame, pairs: pd.DataFrame) -> list[str]:
    """Tasks of which only `head` would tell whether anything was learned: methods without are alike too."""
    is_told = (table["method"] == "head") & table["mean"].notna() | table["metric"].isin(CORRELATION_METRICS)
    return sorted(set(pairs["task"]) - set(table.loc[is_told, "task"]))
