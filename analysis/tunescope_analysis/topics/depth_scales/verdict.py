"""Does the scale of gradients explain why LayerNorm and the later layers stand out?"""

import pandas as pd

from tunescope_analysis.report.claims import NOT_DECIDABLE, Verdict, rule_on_most_tasks
from tunescope_analysis.topics.fisher_depth.table import TREND_THRESHOLD


def depth_reason_verdict(table: pd.DataFrame, sentence: str, stand_out: bool) -> Verdict:
    """That later layers stand out needs the gradient to rank the layers, LayerNorm that it gets the most."""
    if not stand_out:
        reason = (
            "These runs do not show that both LayerNorm and the later layers stand out, so there is nothing "
            f"to explain yet. {sentence}"
        )
        return Verdict("depth-reason", NOT_DECIDABLE, reason, "gradient_depth")
    sentence = f"{sentence} These go together; what makes the gradient grow, they do not say."
    known = table.dropna(subset=["gradient", "passed_on"])
    holds = known["gradient"].median() >= TREND_THRESHOLD and 2 * (known["passed_on"] > 1).sum() > len(known)
    return Verdict("depth-reason", rule_on_most_tasks(len(known), holds), sentence, "gradient_depth")
