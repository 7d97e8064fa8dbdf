"""Verdicts on the paper's claims of equivalence: LayerNorm to full, BitFit, subsets to their pool."""

import numpy as np
import pandas as pd
import xarray as xr

from tunescope_analysis.labels import parse_method
from tunescope_analysis.parts.learned import left_out_sentence
from tunescope_analysis.parts.numbers import fixed, join_words, p_is, points
from tunescope_analysis.parts.part import NOT_DECIDABLE, NOT_SUPPORTED, SUPPORTED, Verdict
from tunescope_analysis.scores import CORRELATIONS, score_table, tasks_learned
from tunescope_analysis.significance import MARGIN, compare, unit_pairs
from tunescope_analysis.subsets import CHOSEN, DEFAULT_POOL

UNIT = "task and seed"
OTHERS = ("lora", "adapter")
FIVE_TIMES = (4.0, 7.0)  # our choice: what "about five times" covers


def equivalence_verdicts(trials: xr.Dataset, head_size: float = np.nan) -> list[Verdict]:
    """A verdict on each claim of equivalence that the methods of the file speak to.

    `head_size` is the number of scalars of the head, which every method trains.
    """
    methods = set(score_table(trials)["method"])
    verdicts = []
    smaller = [method for method in ("layernorm-output", "layernorm") if method in methods]
    if smaller and "full" in methods:
        verdicts.append(_combine("equivalence", [judge(trials, method, "full") for method in smaller]))
    if {"layernorm-output", "bitfit"} <= methods:
        verdicts.append(_bitfit_verdict(trials, "layernorm-output", head_size))
    others = [method for method in sorted(methods) if parse_method(method)[0] in OTHERS]
    if smaller and others:
        judged = [judge(trials, smaller[0], other) for other in others]
        verdicts.append(_combine("lora", judged, needs_all=True))
    for claim, scopes in (("subset", ("task",)), ("union", ("union", "leave-one-out"))):
        pairs = [
            (method, pool)
            for method in sorted(methods)
            for name, options in [parse_method(method)]
            for pool in [options.get("pool", DEFAULT_POOL)]
            if name == CHOSEN and options.get("scope", "task") in scopes and pool in methods
        ]
        if pairs:
            judged = [judge(trials, method, pool) for method, pool in pairs]
            verdicts.append(_combine(claim, judged))
    return verdicts


def judge(trials: xr.Dataset, first: str, second: str) -> tuple[str, str]:
    """Whether `first` is as good as `second` within the margin, or better: ruling and reason.

    Over tasks and seeds. Supported where the whole 90 % interval of the mean difference lies above − margin,
    so where the equivalence test has p < 0.05, or `first` is better. Not supported where it lies below.
    Else the runs cannot tell. Tasks on which `second` has learned nothing are left out: there all are alike.
    """
    pairs = unit_pairs(trials, first, second, UNIT)
    learned = tasks_learned(trials, second, MARGIN)
    empty = sorted(set(pairs["task"]) - learned)
    pairs = pairs[pairs["task"].isin(learned)]
    left_out = f" {left_out_sentence(empty, second)}" if empty else ""
    if empty and len(pairs) < 2:
        return (
            NOT_DECIDABLE,
            f"{second} has learned nothing on {', '.join(empty)}: it is no better than the head alone or "
            "chance, so whatever is compared with it looks the same. Train on more examples or for longer.",
        )
    if len(pairs) < 2:
        return (
            NOT_DECIDABLE,
            f"{first} and {second} need two tasks or seeds in common; they have {len(pairs)}.",
        )
    result = compare(pairs)
    interval = f"{points(result['low'])} to {points(result['high'])}"
    reason = (
        f"{first} differs from {second} by {points(result['mean_difference'])} points over {len(pairs)} "
        f"tasks and seeds (90 % interval {interval}; equivalence within {100 * MARGIN:g}: "
        f"{p_is(result['equivalence_p'])})."
    )
    if result["low"] > -MARGIN:
        unknown = _unknown_tasks(trials, pairs)
        ruling, where = SUPPORTED if set(pairs["task"]) - set(unknown) else NOT_DECIDABLE, "above"
        if unknown:
            tasks = join_words(unknown)
            left_out += f" Whether {second} has learned anything on {tasks} only a run of `head` can tell."
    elif result["high"] < -MARGIN:
        ruling, where = NOT_SUPPORTED, "below"
    else:
        ruling, where = NOT_DECIDABLE, "on both sides of"
    return ruling, f"{reason} The interval lies {where} {points(-MARGIN)}.{left_out}"


def _unknown_tasks(trials: xr.Dataset, pairs: pd.DataFrame) -> list[str]:
    """Tasks of which only `head` would tell whether anything was learned: methods without are alike too."""
    table = score_table(trials)
    told = set(table.loc[(table["method"] == "head") | table["metric"].isin(CORRELATIONS), "task"])
    return sorted(set(pairs["task"]) - told)


def _combine(claim: str, judged: list[tuple[str, str]], needs_all: bool = False) -> Verdict:
    """The best ruling of several comparisons that a claim is about, or the worst, with all reasons."""
    rulings = [ruling for ruling, _ in judged]
    order = (SUPPORTED, NOT_DECIDABLE, NOT_SUPPORTED)
    ruling = next(r for r in (reversed(order) if needs_all else order) if r in rulings)
    return Verdict(claim, ruling, " ".join(reason for _, reason in judged), "equivalence")


def _bitfit_verdict(trials: xr.Dataset, method: str, head_size: float) -> Verdict:
    ruling, reason = judge(trials, method, "bitfit")
    medians = score_table(trials).groupby("method")["trainable_parameters"].median()
    times = (medians["bitfit"] - head_size) / (medians[method] - head_size)
    if not np.isfinite(times):
        text = "The file does not say how many parameters the head has."
        return Verdict("bitfit", NOT_DECIDABLE, f"{reason} {text}", "parameters")
    reason = f"BitFit trains {fixed(times, 1)} times the parameters of {method}, the head left out. {reason}"
    low, high = FIVE_TIMES
    if ruling == SUPPORTED and not low <= times <= high:
        ruling = NOT_SUPPORTED
    return Verdict("bitfit", ruling, reason, "parameters")
