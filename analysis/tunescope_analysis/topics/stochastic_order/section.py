"""Is a method better than full fine-tuning at nearly every quantile of its seeds?"""

import pandas as pd
import xarray as xr

from tunescope_analysis.io.vocabulary import REFERENCE_METHOD
from tunescope_analysis.report.blocks import Cell, Heading, Subheading, Table
from tunescope_analysis.report.formatting import count, fixed, share
from tunescope_analysis.report.section import Section
from tunescope_analysis.stats.stochastic_order import BETTER_BELOW, DRAWS, FALSE_ALARMS, RELIABLE_SEEDS
from tunescope_analysis.topics.stochastic_order.table import order_table


def add_stochastic_order(section: Section, trials: xr.Dataset) -> None:
    """Add the bounds of almost stochastic order, and of them those against full fine-tuning as a table."""
    section.add(Subheading("Almost stochastic order"))
    table = order_table(trials)
    if table.empty:
        section.add_note(
            "This needs two seeds or more of two methods on a task. Run a sweep with several `seeds`."
        )
        return
    section.add_paragraph(
        "ε compares the whole spread over seeds, not the mean alone: it is the share of the squared distance "
        "between two methods' quantiles that speaks against the first being better. 0: the first is better "
        "at every quantile; 0.5: neither; 1: the second is. Shown are upper 95 % bounds of ε over "
        f"{count(DRAWS)} bootstrap draws; below {BETTER_BELOW} (bold or ✓) the first method counts as "
        "better (Dror, Shlomov, Reichart 2019; Ulmer et al. 2022)."
    )
    section.add_paragraph(seeds_sentence(int(table["seeds"].min())))
    section.add(Table("stochastic_order", table))
    shown = table[(table["first"] == REFERENCE_METHOD) | (table["second"] == REFERENCE_METHOD)]
    if shown.empty:
        section.add_note(
            f"No method has seeds beside `{REFERENCE_METHOD}`. Run a sweep whose `methods` include it."
        )
        return
    section.add(_order_table(shown))


def seeds_sentence(seeds: int) -> str:
    """What so many seeds can tell by almost stochastic order: how often equal methods would be told apart."""
    alarms = ", ".join(f"{share(rate)} with {number} seeds" for number, rate in FALSE_ALARMS.items())
    sentence = (
        f"Of two equal methods the rule would call either the better one in {alarms} (simulated, normal "
        "scores); nothing is corrected for the number of comparisons."
    )
    if seeds >= RELIABLE_SEEDS:
        return sentence
    few = f"Some methods here have {seeds}, too few to rely on: use {RELIABLE_SEEDS} or more."
    return f"{sentence} {few}"


def _order_table(table: pd.DataFrame) -> Table:
    """A row per method, a column per task: the bound of "better than full", below it that of the reverse."""
    tasks = list(dict.fromkeys(table["task"]))
    bounds = table.set_index(["first", "second", "task"])["bound"]
    methods = [method for method in dict.fromkeys(table["first"]) if method != REFERENCE_METHOD]
    rows = [[Cell(method), *(_order_cell(bounds, method, task) for task in tasks)] for method in methods]
    headings = [Heading("Method", is_number=False), *map(Heading, tasks)]
    caption = (
        f"Bound of ε that the method is better than {REFERENCE_METHOD}; below it, that {REFERENCE_METHOD} "
        "is better."
    )
    return Table("stochastic_order_to_full", table, headings, rows, caption)


def _order_cell(bounds: pd.Series, method: str, task: str) -> Cell:
    forward = bounds.get((method, REFERENCE_METHOD, task))
    if forward is None:
        return Cell("–")
    backward = bounds[(REFERENCE_METHOD, method, task)]
    note = " ✓" if backward < BETTER_BELOW else ""
    return Cell(
        fixed(forward), line=f"{REFERENCE_METHOD} {fixed(backward)}{note}", is_best=forward < BETTER_BELOW
    )
