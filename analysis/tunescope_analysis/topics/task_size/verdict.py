"""Does LayerNorm fall behind as tasks grow?"""

import pandas as pd

from tunescope_analysis.report.claims import Claim, Ruling, Verdict
from tunescope_analysis.report.formatting import fixed, p_is, plural
from tunescope_analysis.stats.thresholds import LEVEL
from tunescope_analysis.topics.task_size.table import size_correlation

JUDGED_METHODS = ("layernorm-output", "layernorm")


def trend_sentence(row: pd.Series) -> str:
    """How the gap of one method goes with size."""
    return (
        f"{row['method']}: Spearman's correlation of size and difference is {fixed(row['spearman'])} over "
        f"{plural(row['gaps'], 'training set')}, {p_is(row['p'])} (permutation test)."
    )


def task_size_verdict(gaps: pd.DataFrame) -> Verdict | None:
    """Whether LayerNorm falls behind as tasks grow: a trend, or none that so many tasks can show."""
    known = size_correlation(gaps).dropna(subset="spearman")
    judged = [method for method in JUDGED_METHODS if method in set(known["method"])]
    if not judged:
        return None
    row = known.set_index("method", drop=False).loc[judged[0]]
    ruling = Ruling.NOT_DECIDABLE
    if row["p"] < LEVEL:
        ruling = Ruling.SUPPORTED if row["spearman"] < 0 else Ruling.NOT_SUPPORTED
    return Verdict(Claim.TASK_SIZE, ruling, trend_sentence(row), "task_size")
