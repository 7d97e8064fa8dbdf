"""Is the Fisher ranking stable?"""

import pandas as pd

from tunescope_analysis.report.claims import Claim, Ruling, Verdict
from tunescope_analysis.report.formatting import fixed
from tunescope_analysis.report.labels import FACTOR_LABELS

STABILITY_THRESHOLD = 0.9  # our choice: from this Spearman correlation on a ranking counts as the same
REQUIRED_FACTORS = ("batch_size", "examples", "point")


def stability_verdict(against: pd.DataFrame) -> Verdict | None:
    """Whether the ranking stays the same whatever is changed, from `agreement_with_reference`."""
    level = "scalar" if (against["level"] == "scalar").any() else "tensor"
    rows = against[
        (against["level"] == level) & against["differs"].isin(REQUIRED_FACTORS) & against["spearman"].notna()
    ]
    if rows.empty:
        return None
    means = rows.groupby(["differs", "value"])["spearman"].mean()
    tried = ", ".join(
        FACTOR_LABELS[name] for name in REQUIRED_FACTORS if name in means.index.get_level_values(0)
    )
    reason = (
        f"Tried: {tried}. The lowest Spearman correlation with the reference, mean over tasks, is "
        f"{fixed(means.min())} ({STABILITY_THRESHOLD} or more counts as stable, our choice). "
        f"{weakest_sentence(against, level)}"
    )
    missing = [
        FACTOR_LABELS[name] for name in REQUIRED_FACTORS if name not in means.index.get_level_values(0)
    ]
    ruling = Ruling.SUPPORTED if means.min() >= STABILITY_THRESHOLD else Ruling.NOT_SUPPORTED
    if ruling == Ruling.SUPPORTED and missing:
        ruling = Ruling.NOT_DECIDABLE
        reason += f" Not tried: {', '.join(missing)}."
    return Verdict(Claim.STABILITY, ruling, reason, f"stability_{level}")


def weakest_sentence(against: pd.DataFrame, level: str) -> str:
    """For which setting the ranking agrees least with the reference, and how two seeds compare."""
    rows = against[(against["level"] == level) & against["spearman"].notna()]
    changed = rows[rows["differs"] != "seed"]
    seeds = rows.loc[rows["differs"] == "seed", "spearman"]
    sentences = []
    if len(changed):
        row = changed.loc[changed["spearman"].idxmin()]
        sentences.append(
            f"Least like the reference: {FACTOR_LABELS[row['differs']]} {row['value']} in place of "
            f"{row['reference']} on {row['task']} (Spearman {fixed(row['spearman'])}, Jaccard "
            f"{fixed(row['jaccard'])})."
        )
    if len(seeds):
        sentences.append(f"Two seeds agree to {fixed(seeds.mean())} (mean over tasks).")
    return " ".join(sentences)
