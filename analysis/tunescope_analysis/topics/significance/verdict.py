"""Verdicts on the claims about scores: LayerNorm against other methods, subsets against their pool.

The paper's LayerNorm is `layernorm-output`, so that decides. Others stand beside it and decide nothing.
"""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from tunescope_analysis.io.vocabulary import PAPER_LAYERNORM, REFERENCE_METHOD, parse_method
from tunescope_analysis.report.claims import Claim, Ruling, Verdict, rule_on_all, rule_on_any
from tunescope_analysis.report.formatting import fixed, points
from tunescope_analysis.stats.thresholds import MARGIN
from tunescope_analysis.topics.scores.table import score_table
from tunescope_analysis.topics.significance.judgement import better, judge
from tunescope_analysis.topics.subsets.table import is_chosen, is_of_pool

LAYERNORMS = (PAPER_LAYERNORM, "layernorm", "layernorm-attention", "layernorm-weight", "layernorm-bias")
BESIDE = "Beside it, deciding nothing:"
OTHER_SMALL_METHODS = ("lora", "adapter")
FIVE_TIMES_RANGE = (4.0, 7.0)  # our choice: what "about five times" covers


def score_verdicts(trials: xr.Dataset, head_size: float = np.nan) -> list[Verdict]:
    """A verdict on each claim about scores that the methods of the file speak to.

    `head_size` is the number of scalars of the head, which every method trains.
    """
    methods = sorted(set(score_table(trials)["method"]))
    found = [_subset_verdict(Claim.SUBSET, trials, methods, ("task",)),
             _subset_verdict(Claim.UNION, trials, methods, ("union", "leave-one-out"))]  # fmt: skip
    if REFERENCE_METHOD in methods:
        found.append(_equivalence_verdict(trials, methods))
    if {PAPER_LAYERNORM, "bitfit"} <= set(methods):
        found.append(_bitfit_verdict(trials, PAPER_LAYERNORM, head_size))
    if {PAPER_LAYERNORM, "layernorm-attention"} <= set(methods):
        judgement = judge(trials, PAPER_LAYERNORM, "layernorm-attention", rule=better)
        found.append(Verdict(Claim.PLACE, judgement.ruling, judgement.reason, "parameters"))
    others = [method for method in methods if parse_method(method)[0] in OTHER_SMALL_METHODS]
    if PAPER_LAYERNORM in methods and others:
        judged = [judge(trials, PAPER_LAYERNORM, other) for other in others]
        reason = " ".join(judgement.reason for judgement in judged)
        found.append(Verdict(Claim.LORA, rule_on_all(own.ruling for own in judged), reason, "parameters"))
    return [verdict for verdict in found if verdict is not None]


def _equivalence_verdict(trials: xr.Dataset, methods: Sequence[str]) -> Verdict | None:
    """Whether LayerNorm matches `full`."""
    layernorms = [method for method in LAYERNORMS if method in methods]
    return _any_of(Claim.EQUIVALENCE, trials, [(method, REFERENCE_METHOD) for method in layernorms])


def _subset_verdict(
    claim: Claim, trials: xr.Dataset, methods: Sequence[str], scopes: tuple[str, ...]
) -> Verdict | None:
    """Whether a subset of these scopes is as good as its pool."""
    subsets = [
        method
        for method in methods
        if is_chosen(method) and parse_method(method)[1].get("scope", "task") in scopes
    ]
    pools = [method for method in LAYERNORMS if method in methods]
    pairs = [(subset, pool) for pool in pools for subset in subsets if is_of_pool(subset, pool)]
    return _any_of(claim, trials, pairs)


def _any_of(claim: Claim, trials: xr.Dataset, pairs: list[tuple[str, str]]) -> Verdict | None:
    """The best ruling of the comparisons with the paper's LayerNorm; None without any comparison.

    One of them is enough, so they are corrected for their number. The other comparisons are told beside.
    """
    if not pairs:
        return None
    deciding = [pair for pair in pairs if PAPER_LAYERNORM in pair]
    judged = [judge(trials, *pair, comparisons=len(deciding)) for pair in deciding]
    reasons = [judgement.reason for judgement in judged] or [claim.remedy]
    beside = [judge(trials, *pair).reason for pair in pairs if pair not in deciding]
    if beside:
        reasons += [BESIDE, *beside]
    figure = "equivalence" if claim is Claim.EQUIVALENCE else "parameters"  # which has all methods
    return Verdict(claim, rule_on_any(own.ruling for own in judged), " ".join(reasons), figure)


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
