"""Do later layers have more Fisher information, and the last ones the most?"""

import pandas as pd
import xarray as xr

from tunescope_analysis.report.claims import MIN_TASKS, Claim, Verdict, rule_on_all, rule_on_most_tasks
from tunescope_analysis.topics.fisher_depth.table import THIRDS, TREND_THRESHOLD, thirds_of
from tunescope_analysis.topics.ratios import ratio_over_tasks

MIN_LAYERS = 6  # our choice: that many in random order reach a correlation of 0.5 in 15 % of cases


def fisher_depth_verdict(table: pd.DataFrame, sentence: str) -> Verdict:
    """Whether later layers have more in LayerNorm, or in all tensors if no LayerNorm was measured.

    Models of fewer than `MIN_LAYERS` layers do not count: many orders have as high a correlation by chance.
    """
    group = "LayerNorm" if (table["part"] == "LayerNorm").any() else "all"
    known = table[(table["part"] == group) & (table["layers"] >= MIN_LAYERS)].dropna(subset="spearman")
    rho = known["spearman"]
    if len(rho) < MIN_TASKS:
        sentence += f" A verdict needs {MIN_TASKS} tasks, of models with {MIN_LAYERS} layers or more."
    holds = bool(rho.median() >= TREND_THRESHOLD and 2 * (rho > 0).sum() > len(rho))
    return Verdict(Claim.FISHER_DEPTH, rule_on_most_tasks(len(rho), holds), sentence, "fisher_depth")


def fisher_last_verdict(profile: xr.DataArray) -> Verdict | None:
    """Whether output LayerNorm of the last third of the layers has more than that of either other third.

    Both comparisons have to hold, and one that does not is enough to decide against. None without
    output LayerNorm in `MIN_LAYERS` layers.
    """
    part = "output LayerNorm"
    if part not in profile["part"] or profile.sel(part=part).notnull().any("task").sum() < MIN_LAYERS:
        return None
    thirds = thirds_of(profile, part)
    *others, last = (thirds.sel(third=name).values for name in THIRDS)
    ratios = [ratio_over_tasks(last, other, comparisons=len(others)) for other in others]
    known = [ratio for ratio in ratios if ratio is not None]
    if len(known) < len(others):
        return None
    told = " and ".join(
        f"{own.words} that in the {name} third" for name, own in zip(THIRDS, known, strict=False)
    )
    reason = f"In the last third of the layers output LayerNorm's Fisher information per scalar is {told}."
    return Verdict(Claim.FISHER_LAST, rule_on_all(own.ruling for own in known), reason, "fisher_depth")
