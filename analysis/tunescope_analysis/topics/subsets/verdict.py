"""Are subsets chosen by Fisher information better than random ones?"""

import pandas as pd

from tunescope_analysis.io.vocabulary import PAPER_LAYERNORM
from tunescope_analysis.report.claims import Claim, Ruling, Verdict
from tunescope_analysis.report.formatting import p_is, points, probability
from tunescope_analysis.stats.thresholds import LEVEL
from tunescope_analysis.topics.subsets.table import CONTROLS, RANDOM_METHOD, control_kind, is_of_pool


def over_all_tasks(table: pd.DataFrame) -> pd.DataFrame:
    """The row over all tasks of each pair of methods."""
    return table.groupby(["method", "control"], sort=False).head(1)


def subset_sentence(row: pd.Series) -> str:
    """What the pairs of a method and a control say, or that they are too few to say anything."""
    control = CONTROLS[control_kind(row["control"])]
    start = (
        f"{row['method']} differs from {control} by {points(row['mean_difference'])} points "
        f"({row['better']} better, {row['equal']} equal, {row['worse']} worse of {row['pairs']})"
    )
    if not row["smallest_p"] < LEVEL:
        least = probability(row["smallest_p"])
        return f"{start}; too few unequal pairs to reach p < {LEVEL} (smallest possible {least})."
    return f"{start}, {p_is(row['holm_p'])} (Holm)."


def subset_verdict(table: pd.DataFrame) -> Verdict | None:
    """Whether the subsets that differ from their random controls are all better; None if none has one.

    Subsets of the paper's LayerNorm decide; those of other pools do not.
    """
    whole = over_all_tasks(table)
    whole = whole[whole["control"].map(control_kind) == RANDOM_METHOD]
    if whole.empty:
        return None
    whole = whole[[is_of_pool(method, PAPER_LAYERNORM) for method in whole["method"]]]
    if whole.empty:
        return Verdict(Claim.SUBSET_RANDOM, Ruling.NOT_DECIDABLE, Claim.SUBSET_RANDOM.remedy, "subsets")
    reason = " ".join(subset_sentence(row) for _, row in whole.iterrows())
    is_apart = whole["holm_p"] < LEVEL
    if not is_apart.any():
        return Verdict(Claim.SUBSET_RANDOM, Ruling.NOT_DECIDABLE, reason, "subsets")
    is_better = whole.loc[is_apart, "mean_difference"] > 0
    ruling = (
        Ruling.SUPPORTED
        if is_better.all()
        else Ruling.NOT_DECIDABLE
        if is_better.any()
        else Ruling.NOT_SUPPORTED
    )
    return Verdict(Claim.SUBSET_RANDOM, ruling, reason, "subsets")
