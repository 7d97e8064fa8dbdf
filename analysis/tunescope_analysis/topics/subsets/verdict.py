"""Are subsets chosen by Fisher information better than random ones?"""

import pandas as pd

from tunescope_analysis.report.claims import Claim, Ruling, Verdict
from tunescope_analysis.report.formatting import p_is, points, probability
from tunescope_analysis.stats.thresholds import LEVEL


def subset_sentence(row: pd.Series) -> str:
    """What the pairs of one method say, or that they are too few to say anything."""
    start = (
        f"{row['method']} differs from its random control by {points(row['mean_difference'])} points "
        f"({row['better']} better, {row['equal']} equal, {row['worse']} worse of {row['pairs']})"
    )
    if not row["smallest_p"] < LEVEL:
        least = probability(row["smallest_p"])
        return f"{start}; too few unequal pairs to reach p < {LEVEL} (smallest possible {least})."
    return f"{start}, {p_is(row['holm_p'])} (Holm)."


def subset_verdict(table: pd.DataFrame) -> Verdict:
    """Whether the subsets that differ from their controls are all better."""
    whole = table.groupby("method", sort=False).head(1)
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
