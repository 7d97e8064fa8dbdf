"""Which difference these runs could have shown, before anything is judged."""

import pandas as pd
import xarray as xr

from tunescope_analysis.report.blocks import Column, Subheading, frame_table
from tunescope_analysis.report.formatting import join_words, plural, share, spread
from tunescope_analysis.report.section import Section
from tunescope_analysis.stats.power import POWER
from tunescope_analysis.stats.thresholds import LEVEL, MARGIN
from tunescope_analysis.topics.power.table import power_table
from tunescope_analysis.topics.significance.judgement import PAIRING_UNIT
from tunescope_analysis.topics.significance.table import UNITS

SOURCE = "Card et al. 2020, With Little Power Comes Great Responsibility, arXiv 2010.06595"


def add_power(section: Section, trials: xr.Dataset) -> None:
    """Add what the tests against `full` could have shown; nothing if no method has two pairs with it."""
    table = power_table(trials)
    if table.empty:
        return
    section.add(Subheading("What these runs could have shown"))
    section.add_paragraph(power_sentence(table))
    section.add_paragraph(
        f"A number is the smallest true difference that a test finds in {share(POWER)} of all repetitions, "
        f"two-sided at {LEVEL} ({SOURCE}). It follows from the number of pairs and from how far their "
        "differences spread. A test that finds nothing leaves room for any difference below that. Wilcoxon's "
        "test is the exact one, with Holm's correction over the methods."
    )
    columns = {
        "method": Column("Method", is_number=False),
        "unit": Column("Over", is_number=False),
        "pairs": Column("Pairs"),
        "seed_deviation": Column("Spread between seeds", spread),
        "deviation": Column("Spread of differences", spread),
        "t_difference": Column("Paired t", spread),
        "seed_difference": Column("Paired t, by seeds alone", spread),
        "signed_rank_difference": Column("Wilcoxon, Holm", spread),
        "margin": Column("As good as, within", spread),
    }
    shown = table.assign(unit=table["unit"].map(UNITS))
    caption = (
        "Differences to full × 100. Spreads are standard deviations. By seeds alone: if the difference were "
        "the same on every task. As good as: the smallest margin within which a method that equals full can "
        "be shown to be as good. –: so few pairs can show nothing, or one seed tells no spread."
    )
    section.add(frame_table("power", shown, columns, caption))


def power_sentence(table: pd.DataFrame) -> str:
    """The smallest differences to `full` that a paired t test over tasks and seeds could have shown.

    Empty if no method has two pairs.
    """
    own = table[table["unit"] == PAIRING_UNIT]
    if own.empty:
        return ""
    least, most = own.loc[own["t_difference"].idxmin()], own.loc[own["t_difference"].idxmax()]
    span = f"{spread(least['t_difference'])} points ({least['method']}, {_pairs(least)})"
    if least["method"] != most["method"]:
        span += f" to {spread(most['t_difference'])} points ({most['method']}, {_pairs(most)})"
    sentence = (
        f"In {share(POWER)} of all repetitions these runs show a difference to full fine-tuning of {span}. "
        "Smaller ones they can miss."
    )
    cannot = [str(method) for method in own.loc[own["margin"] > MARGIN, "method"]]
    if cannot:
        margin = f"{100 * MARGIN:g} point"
        sentence += f" They are too few to show that {join_words(cannot)} is as good as full within {margin}."
    return sentence


def _pairs(row: pd.Series) -> str:
    return f"{plural(int(row['pairs']), 'pair')} of {plural(int(row['tasks']), 'task')}"
