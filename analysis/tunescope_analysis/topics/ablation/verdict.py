"""Are the changes of output LayerNorm what full fine-tuning gains by?"""

import pandas as pd

from tunescope_analysis.io.vocabulary import PAPER_LAYERNORM, REFERENCE_METHOD, parse_method
from tunescope_analysis.report.claims import Claim, Verdict, rule_on_most_tasks
from tunescope_analysis.report.formatting import plural, share

MOST_OF_THE_GAIN = 0.5  # our choice
SAME_SIZE = 0.1  # a random group is a control if its number of scalars differs by no more than this share


def ablation_verdict(means: pd.DataFrame) -> Verdict | None:
    """Whether the group alone keeps half of the gain on most tasks; None if no model has gained anything."""
    known = means[(means["method"] == REFERENCE_METHOD) & means["kept"].notna()]
    own = known[known["group"] == PAPER_LAYERNORM]
    if own.empty:
        return None
    is_kept = own["kept"] >= MOST_OF_THE_GAIN
    reason = (
        f"The change of output LayerNorm alone keeps {share(own['kept'].mean())} of what full fine-tuning "
        f"gained, half or more on {is_kept.sum()} of {plural(len(own), 'task')}; without it a model loses "
        f"{share(own['lost'].mean())}."
    )
    control = _random_control(known, own["scalars"].iloc[0])
    if not control.empty:
        reason += (
            f" That of as many random scalars keeps {share(control['kept'].mean())} and is missed by "
            f"{share(control['lost'].mean())}."
        )
    ruling = rule_on_most_tasks(len(own), bool(is_kept.mean() > 0.5))
    return Verdict(Claim.ABLATION, ruling, reason, "ablation")


def _random_control(known: pd.DataFrame, scalars: float) -> pd.DataFrame:
    is_random = known["group"].map(lambda group: parse_method(group)[0] == "random")
    return known[is_random & ((known["scalars"] - scalars).abs() <= SAME_SIZE * scalars)]
