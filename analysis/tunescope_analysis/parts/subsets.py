"""Are subsets chosen by Fisher information better than random ones?"""

import pandas as pd

from tunescope_analysis.figures.subsets import subsets_figure
from tunescope_analysis.io.results import Results
from tunescope_analysis.parts.numbers import p_is, points, probability, spread
from tunescope_analysis.parts.part import (
    NOT_DECIDABLE,
    NOT_SUPPORTED,
    SUPPORTED,
    Column,
    Part,
    Picture,
    Table,
    Verdict,
    frame_table,
)
from tunescope_analysis.stats.thresholds import LEVEL
from tunescope_analysis.subsets import subset_differences, subset_pairs, subset_table


def subsets_part(results: Results) -> Part:
    """Paired differences of every `fisher` method and the `random` one of its pool and fraction."""
    part = Part("subsets", "Fisher subsets against random subsets")
    differences = subset_differences(results.trials)
    if differences.empty and subset_pairs(results.trials):
        part.note("No subset has learned anything on any task. Train on more examples or for longer.")
        return part
    if differences.empty:
        part.note(
            "No method `fisher:...` has a control `random:...` of the same pool and fraction with a common "
            "task and "
            "seed. Run a sweep with both, such as `methods = fisher:fraction=0.2 random:fraction=0.2`."
        )
        return part
    table = subset_table(differences)
    part.say(
        "Chosen less random of the same pool and fraction, over tasks and seeds, each at its own best "
        "learning rate; "
        "scores × 100. p: Wilcoxon's signed-rank test, two-sided, exact up to 14 pairs or without ties. "
        "Pairs of one "
        "task share its dev set, so p over all tasks may be too small. Tasks on which neither has learned "
        "anything are left out."
    )
    sentences = [subset_sentence(row) for _, row in table.groupby("method", sort=False).head(1).iterrows()]
    for sentence in sentences:
        part.say(sentence)
    columns = {
        "method": Column("Method", is_number=False),
        "task": Column("Task", is_number=False),
        "pairs": Column("Pairs"),
        "mean_difference": Column("Mean difference × 100", points),
        "standard_deviation": Column("Standard deviation × 100", spread),
        "better": Column("Better"),
        "equal": Column("Equal"),
        "worse": Column("Worse"),
        "p": Column("p", probability),
        "holm_p": Column("p, Holm", probability),
        "smallest_p": Column("Smallest p possible", probability),
    }
    alt = "Dots of differences, a panel a method, a line a task, around a line at zero. " + " ".join(
        sentences
    )
    part.add(
        frame_table("subsets_summary", table, columns),
        Table("subsets", differences),
        Picture("subsets", subsets_figure(differences), alt),
    )
    part.verdicts.append(_verdict(table))
    return part


def subset_sentence(row: pd.Series) -> str:
    """What the pairs of one method say; where they are too few to say anything, that."""
    start = (
        f"{row['method']} differs from its random control by {points(row['mean_difference'])} points "
        f"({row['better']} better, {row['equal']} equal, {row['worse']} worse of {row['pairs']})"
    )
    if not row["smallest_p"] < LEVEL:
        least = probability(row["smallest_p"])
        return f"{start}; too few unequal pairs to reach p < {LEVEL} (smallest possible {least})."
    return f"{start}, {p_is(row['holm_p'])} (Holm)."


def _verdict(table: pd.DataFrame) -> Verdict:
    whole = table.groupby("method", sort=False).head(1)
    reason = " ".join(subset_sentence(row) for _, row in whole.iterrows())
    is_apart = whole["holm_p"] < LEVEL
    if not is_apart.any():
        return Verdict("subset-random", NOT_DECIDABLE, reason, "subsets")
    is_better = whole.loc[is_apart, "mean_difference"] > 0
    ruling = SUPPORTED if is_better.all() else NOT_DECIDABLE if is_better.any() else NOT_SUPPORTED
    return Verdict("subset-random", ruling, reason, "subsets")
