"""Do later layers have more Fisher information?"""

import pandas as pd

from tunescope_analysis.report.claims import MIN_TASKS, Claim, Verdict, rule_on_most_tasks
from tunescope_analysis.topics.fisher_depth.table import TREND_THRESHOLD

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
