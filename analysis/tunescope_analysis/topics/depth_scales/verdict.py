"""Does the scale of gradients explain why LayerNorm and the later layers stand out?"""

from collections.abc import Sequence

import pandas as pd

from tunescope_analysis.report.claims import Claim, Ruling, Verdict, rule_on_most_tasks
from tunescope_analysis.topics.fisher_depth.table import TREND_THRESHOLD


def depth_reason_verdict(table: pd.DataFrame, sentence: str, premises: Sequence[Verdict | None]) -> Verdict:
    """Whether scales explain what the premises found, none of which may be missing or unsupported.

    To explain that later layers stand out, the gradient has to rank the layers; to explain LayerNorm, it has
    to get the most of it.
    """
    if not all(premise is not None and premise.ruling == Ruling.SUPPORTED for premise in premises):
        reason = (
            "These runs do not show that both LayerNorm and the later layers stand out, so there is nothing "
            f"to explain yet. {sentence}"
        )
        return Verdict(Claim.DEPTH_REASON, Ruling.NOT_DECIDABLE, reason, "gradient_depth")
    sentence = f"{sentence} These go together; what makes the gradient grow, they do not say."
    known = table.dropna(subset=["gradient", "passed_on"])
    holds = known["gradient"].median() >= TREND_THRESHOLD and 2 * (known["passed_on"] > 1).sum() > len(known)
    return Verdict(Claim.DEPTH_REASON, rule_on_most_tasks(len(known), holds), sentence, "gradient_depth")
