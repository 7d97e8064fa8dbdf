"""Verdicts on the paper's claims of equivalence: LayerNorm to full, BitFit, subsets to their pool."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from tunescope_analysis.io.vocabulary import parse_method
from tunescope_analysis.parts.change import FEWEST_TASKS
from tunescope_analysis.parts.numbers import fixed, join_words, plural, points, share
from tunescope_analysis.parts.part import NOT_DECIDABLE, NOT_SUPPORTED, SUPPORTED, Verdict
from tunescope_analysis.scores import CORRELATIONS, diverged_trials, learned_by_either, score_table
from tunescope_analysis.significance import compare, unit_pairs
from tunescope_analysis.stats.thresholds import LEVEL, MARGIN
from tunescope_analysis.subsets import CHOSEN, DEFAULT_POOL

UNIT = "task and seed"
OTHERS = ("lora", "adapter")
FIVE_TIMES = (4.0, 7.0)  # our choice: what "about five times" covers


@dataclass(frozen=True)
class Judgement:
    """Whether one method is as good as another, why, and the interval of their mean difference."""

    ruling: str
    reason: str
    low: float = np.nan
    high: float = np.nan


def equivalence_verdicts(trials: xr.Dataset, head_size: float = np.nan) -> list[Verdict]:
    """A verdict on each claim of equivalence that the methods of the file speak to.

    `head_size` is the number of scalars of the head, which every method trains.
    """
    methods = set(score_table(trials)["method"])
    verdicts = []
    smaller = [method for method in ("layernorm-output", "layernorm") if method in methods]
    if smaller and "full" in methods:
        verdicts.append(_any_of("equivalence", trials, [(method, "full") for method in smaller]))
    if {"layernorm-output", "bitfit"} <= methods:
        verdicts.append(_bitfit_verdict(trials, "layernorm-output", head_size))
    others = [method for method in sorted(methods) if parse_method(method)[0] in OTHERS]
    if smaller and others:
        verdicts.append(_all_of("lora", [judge(trials, smaller[0], other) for other in others]))
    for claim, scopes in (("subset", ("task",)), ("union", ("union", "leave-one-out"))):
        pairs = [
            (method, pool)
            for method in sorted(methods)
            for name, options in [parse_method(method)]
            for pool in [options.get("pool", DEFAULT_POOL)]
            if name == CHOSEN and options.get("scope", "task") in scopes
            if pool in methods and pool.startswith("layernorm")
        ]
        if pairs:
            verdicts.append(_any_of(claim, trials, pairs))
    return verdicts


def judge(trials: xr.Dataset, first: str, second: str, comparisons: int = 1) -> Judgement:
    """Whether `first` is as good as `second` within the margin, or better.

    Over tasks and seeds. Supported where the whole interval of the mean difference, of 90 % or more where
    there are several `comparisons` (Bonferroni), lies above − margin: a one-sided test of non-inferiority.
    Not supported where it lies below. Else the runs cannot tell, nor in the cases of `_with_caveats`. Tasks
    on which neither has learned anything are left out: there all are alike.
    """
    pairs = unit_pairs(trials, first, second, UNIT)
    is_empty = ~pairs["task"].isin(learned_by_either(trials, first, second))
    empty = sorted(set(pairs.loc[is_empty, "task"]))
    pairs = pairs[~is_empty]
    if len(pairs) < 2:
        return Judgement(NOT_DECIDABLE, _too_few_sentence(first, second, len(pairs), empty))
    result = compare(pairs, comparisons)
    reason = (
        f"{first} differs from {second} by {points(result['mean_difference'])} points over {len(pairs)} "
        "tasks and seeds"
    )
    if np.isnan(result["low"]):
        return Judgement(NOT_DECIDABLE, f"{reason}, all by the same, which leaves no interval.")
    level = share(1 - 2 * LEVEL / comparisons)
    corrected = f", corrected for {comparisons} comparisons" if comparisons > 1 else ""
    ruling, where = _place(result["low"], result["high"])
    reason += (
        f" ({level} interval {points(result['low'])} to {points(result['high'])}{corrected}). The interval "
        f"lies {where} {points(-MARGIN)}."
    )
    if empty:
        reason += f" Left out: {join_words(empty)}, where neither has learned anything."
    judgement = Judgement(ruling, reason, result["low"], result["high"])
    diverged = {method: diverged_trials(trials, method)["task"] for method in (first, second)}
    lost = {method: int((~tasks.isin(empty)).sum()) for method, tasks in diverged.items()}
    return _with_caveats(judgement, pairs, _unknown_tasks(trials, pairs), lost, comparisons)


def _with_caveats(
    judgement: Judgement, pairs: pd.DataFrame, unknown: list[str], lost: dict[str, int], comparisons: int
) -> Judgement:
    """The judgement where tasks are few, or may have been learned by nobody, or trials diverged.

    Where the file does not tell of the `unknown` tasks whether anything was learned, the interval has to lie
    above for the others alone, too. `lost` counts diverged trials by method, of which those of the method
    that the ruling speaks for could have overturned it.
    """
    ruling, reason, low, high = judgement.ruling, judgement.reason, judgement.low, judgement.high
    tasks = pairs["task"].nunique()
    if ruling == SUPPORTED and unknown:
        told = pairs[~pairs["task"].isin(unknown)]
        tasks, own = told["task"].nunique(), compare(told, comparisons)
        low, high = min(low, own["low"]), max(high, own["high"])
        ruling = SUPPORTED if own["low"] > -MARGIN else NOT_DECIDABLE
        reason += (
            f" Whether anything was learned on {join_words(unknown)} only a run of `head` can tell; on the "
            f"other tasks, {tasks}, the interval is {points(own['low'])} to {points(own['high'])}."
        )
    if tasks < FEWEST_TASKS:
        ruling = NOT_DECIDABLE
        reason += f" A claim about tasks needs {FEWEST_TASKS}."
    for method, favoured_by in zip(lost, (SUPPORTED, NOT_SUPPORTED), strict=True):
        if lost[method]:
            ruling = NOT_DECIDABLE if ruling == favoured_by else ruling
            reason += f" {method} diverged in {plural(lost[method], 'trial')}, of which no pair speaks."
    return Judgement(ruling, reason, low, high)


def _too_few_sentence(first: str, second: str, pairs: int, empty: list[str]) -> str:
    if not empty:
        return f"{first} and {second} need two tasks or seeds in common; they have {pairs}."
    return (
        f"Neither {first} nor {second} has learned anything on {join_words(empty)}: they are no better than "
        "the head alone or chance, so they look the same. Train on more examples or for longer."
    )


def _place(low: float, high: float) -> tuple[str, str]:
    """The ruling by where the interval lies, and where that is."""
    if low > -MARGIN:
        return SUPPORTED, "above"
    return (NOT_SUPPORTED, "below") if high < -MARGIN else (NOT_DECIDABLE, "on both sides of")


def _unknown_tasks(trials: xr.Dataset, pairs: pd.DataFrame) -> list[str]:
    """Tasks of which only `head` would tell whether anything was learned: methods without are alike too."""
    table = score_table(trials)
    is_told = (table["method"] == "head") & table["mean"].notna() | table["metric"].isin(CORRELATIONS)
    return sorted(set(pairs["task"]) - set(table.loc[is_told, "task"]))


def _any_of(claim: str, trials: xr.Dataset, pairs: list[tuple[str, str]]) -> Verdict:
    """The best ruling of comparisons of which one is enough, so corrected for their number."""
    judged = [judge(trials, *pair, comparisons=len(pairs)) for pair in pairs]
    return _combine(claim, judged, (SUPPORTED, NOT_DECIDABLE, NOT_SUPPORTED))


def _all_of(claim: str, judged: list[Judgement]) -> Verdict:
    """The worst ruling of comparisons that a claim needs all of."""
    return _combine(claim, judged, (NOT_SUPPORTED, NOT_DECIDABLE, SUPPORTED))


def _combine(claim: str, judged: list[Judgement], order: tuple[str, ...]) -> Verdict:
    ruling = min((judgement.ruling for judgement in judged), key=order.index)
    figure = "equivalence" if claim == "equivalence" else "parameters"  # which has all methods
    return Verdict(claim, ruling, " ".join(judgement.reason for judgement in judged), figure)


def _bitfit_verdict(trials: xr.Dataset, method: str, head_size: float) -> Verdict:
    """Five times the parameters, and for the same: `method` neither worse nor better by the margin."""
    judgement = judge(trials, method, "bitfit")
    medians = score_table(trials).groupby("method")["trainable_parameters"].median()
    times = (medians["bitfit"] - head_size) / (medians[method] - head_size)
    if not np.isfinite(times):
        text = "The file does not say how many parameters the head has."
        return Verdict("bitfit", NOT_DECIDABLE, f"{judgement.reason} {text}", "parameters")
    reason = (
        f"BitFit trains {fixed(times, 1)} times the parameters of {method}, the head left out. "
        f"{judgement.reason}"
    )
    ruling = judgement.ruling
    if ruling == SUPPORTED and judgement.high >= MARGIN:
        ruling = NOT_SUPPORTED if judgement.low >= MARGIN else NOT_DECIDABLE
        reason += f" For the same, it would have to lie below {points(MARGIN)} too."
    if not FIVE_TIMES[0] <= times <= FIVE_TIMES[1]:
        ruling = NOT_SUPPORTED
    return Verdict("bitfit", ruling, reason, "parameters")
