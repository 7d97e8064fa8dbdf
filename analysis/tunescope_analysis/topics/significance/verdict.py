"""Verdicts on the claims of equivalence: of LayerNorm to other methods, of subsets to their pool."""

import numpy as np
import xarray as xr

from tunescope_analysis.io.vocabulary import parse_method
from tunescope_analysis.report.claims import Claim, Ruling, Verdict
from tunescope_analysis.report.formatting import fixed, points
from tunescope_analysis.stats.thresholds import MARGIN
from tunescope_analysis.topics.scores.table import score_table
from tunescope_analysis.topics.significance.judgement import Judgement, judge
from tunescope_analysis.topics.subsets.table import DEFAULT_POOL, is_chosen

OTHER_SMALL_METHODS = ("lora", "adapter")
FIVE_TIMES_RANGE = (4.0, 7.0)  # our choice: what "about five times" covers


def equivalence_verdicts(trials: xr.Dataset, head_size: float = np.nan) -> list[Verdict]:
    """A verdict on each claim of equivalence that the methods of the file speak to.

    `head_size` is the number of scalars of the head, which every method trains.
    """
    methods = set(score_table(trials)["method"])
    verdicts = []
    smaller = [method for method in ("layernorm-output", "layernorm") if method in methods]
    if smaller and "full" in methods:
        verdicts.append(_any_of(Claim.EQUIVALENCE, trials, [(method, "full") for method in smaller]))
    if {"layernorm-output", "bitfit"} <= methods:
        verdicts.append(_bitfit_verdict(trials, "layernorm-output", head_size))
    others = [method for method in sorted(methods) if parse_method(method)[0] in OTHER_SMALL_METHODS]
    if smaller and others:
        verdicts.append(_all_of(Claim.LORA, [judge(trials, smaller[0], other) for other in others]))
    for claim, scopes in ((Claim.SUBSET, ("task",)), (Claim.UNION, ("union", "leave-one-out"))):
        pairs = [
            (method, pool)
            for method in sorted(methods)
            for options in [parse_method(method)[1]]
            for pool in [options.get("pool", DEFAULT_POOL)]
            if is_chosen(method) and "layers" not in options and options.get("scope", "task") in scopes
            if pool in methods and pool.startswith("layernorm")
        ]
        if pairs:
            verdicts.append(_any_of(claim, trials, pairs))
    return verdicts


def _any_of(claim: Claim, trials: xr.Dataset, pairs: list[tuple[str, str]]) -> Verdict:
    """The best ruling of comparisons of which one is enough, so corrected for their number."""
    judged = [judge(trials, *pair, comparisons=len(pairs)) for pair in pairs]
    return _combine(claim, judged, (Ruling.SUPPORTED, Ruling.NOT_DECIDABLE, Ruling.NOT_SUPPORTED))


def _all_of(claim: Claim, judged: list[Judgement]) -> Verdict:
    """The worst ruling of comparisons that a claim needs all of."""
    return _combine(claim, judged, (Ruling.NOT_SUPPORTED, Ruling.NOT_DECIDABLE, Ruling.SUPPORTED))


def _combine(claim: Claim, judged: list[Judgement], order: tuple[Ruling, ...]) -> Verdict:
    ruling = min((judgement.ruling for judgement in judged), key=order.index)
    figure = "equivalence" if claim is Claim.EQUIVALENCE else "parameters"  # which has all methods
    return Verdict(claim, ruling, " ".join(judgement.reason for judgement in judged), figure)


def _bitfit_verdict(trials: xr.Dataset, method: str, head_size: float) -> Verdict:
    """Five times the parameters, and for the same: `method` neither worse nor better by the margin."""
    judgement = judge(trials, method, "bitfit")
    medians = score_table(trials).groupby("method")["trainable_parameters"].median()
    times = (medians["bitfit"] - head_size) / (medians[method] - head_size)
    if not np.isfinite(times):
        text = "The file does not say how many parameters the head has."
        return Verdict(Claim.BITFIT, Ruling.NOT_DECIDABLE, f"{judgement.reason} {text}", "parameters")
    reason = (
        f"BitFit trains {fixed(times, 1)} times the parameters of {method}, the head left out. "
        f"{judgement.reason}"
    )
    ruling = judgement.ruling
    if ruling == Ruling.SUPPORTED and judgement.high >= MARGIN:
        ruling = Ruling.NOT_SUPPORTED if judgement.low >= MARGIN else Ruling.NOT_DECIDABLE
        reason += f" For the same, it would have to lie below {points(MARGIN)} too."
    if not FIVE_TIMES_RANGE[0] <= times <= FIVE_TIMES_RANGE[1]:
        ruling = Ruling.NOT_SUPPORTED
    return Verdict(Claim.BITFIT, ruling, reason, "parameters")
