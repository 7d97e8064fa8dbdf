"""Which methods differ, and which are equivalent to full fine-tuning."""

from functools import partial

import numpy as np
import pandas as pd
import xarray as xr

from tunescope_analysis.io.results import Results, head_size
from tunescope_analysis.io.vocabulary import order_tasks
from tunescope_analysis.report.blocks import Cell, Column, Heading, Picture, Subheading, Table, frame_table
from tunescope_analysis.report.formatting import fixed, join_words, p_is, plural, points, probability
from tunescope_analysis.report.section import Section
from tunescope_analysis.stats.rank_tests import MIN_METHODS, Friedman, critical_difference, friedman
from tunescope_analysis.stats.thresholds import LEVEL, MARGIN
from tunescope_analysis.topics.power.section import add_power
from tunescope_analysis.topics.scores.learned_tasks import add_unlearned_tasks
from tunescope_analysis.topics.scores.table import order_methods, score_table
from tunescope_analysis.topics.significance.figure import critical_difference_figure, equivalence_figure
from tunescope_analysis.topics.significance.table import (
    UNITS,
    against_reference,
    pairwise_tests,
    rank_methods,
    score_matrix,
)
from tunescope_analysis.topics.significance.verdict import score_verdicts
from tunescope_analysis.topics.stochastic_order.section import add_stochastic_order


def significance_section(results: Results) -> Section:
    """Tests over tasks of all methods, then of each method against `full`, of difference and equivalence."""
    section = Section("significance", "Significance")
    trials = results.trials
    add_power(section, trials)
    _add_ranks(section, trials)
    _add_reference(section, trials)
    add_stochastic_order(section, trials)
    section.add_verdicts(*score_verdicts(trials, head_size(results)))
    return section


def friedman_sentence(test: Friedman) -> str:
    """The outcome of Friedman's test in words."""
    found = "differ in rank" if test.p < LEVEL else "do not show a difference in rank"
    limit = ""
    if test.smallest >= LEVEL:
        limit = f" So few tasks cannot show one: the smallest p possible is {probability(test.smallest)}."
    return (
        f"Friedman's test over {plural(test.tasks, 'task')}: the {test.methods} methods {found} (chi-square "
        f"{fixed(test.statistic)}, {p_is(test.p)}).{limit}"
    )


def attainable_sentence(smallest: float, comparisons: int, pairs: str) -> str:
    """Why Wilcoxon's test cannot reach `LEVEL` with so many pairs and comparisons; empty if it can.

    `smallest` is the smallest p possible before Holm's correction over the comparisons, NaN without any.
    """
    corrected = min(1.0, smallest * comparisons)
    if np.isnan(smallest) or corrected < LEVEL:
        return ""
    return (
        f"Over {pairs} Wilcoxon's test cannot show a difference at {LEVEL}: the smallest p possible is "
        f"{probability(smallest)}, and {probability(corrected)} after Holm's correction over "
        f"{plural(comparisons, 'comparison')}. More pairs are needed."
    )


def ranked_sentence(trials: xr.Dataset, matrix: pd.DataFrame) -> str:
    """Which tasks and methods of the file the rank tests leave out; empty if they have all."""
    table = score_table(trials)
    missing = [name for name in (*order_tasks(table["task"]), *order_methods(table))
            if name not in matrix.index and name not in matrix.columns]  # fmt: skip
    if not missing:
        return ""
    return f"Without {join_words(missing)}: unfinished, or tasks on which no method has learned anything."


def _add_ranks(section: Section, trials: xr.Dataset) -> None:
    section.add(Subheading("All methods together"))
    matrix = score_matrix(trials)
    test = friedman(matrix.to_numpy(float))
    if test is None:
        section.add_note(
            f"Friedman's test needs {MIN_METHODS} methods with a score on the same two tasks or more, on "
            "which something was learned. Run the rest of the sweep, or one with more `methods` and `tasks`."
        )
        return
    left_out = ranked_sentence(trials, matrix)
    if left_out:
        section.add_paragraph(left_out)
    ranks = rank_methods(matrix)
    difference = critical_difference(test.methods, test.tasks)
    section.add_paragraph(friedman_sentence(test))
    if difference >= test.methods - 1:
        section.add_paragraph(
            f"With {plural(test.tasks, 'task')} the critical difference {fixed(difference)} is larger than "
            "any two ranks can be apart: the diagram cannot tell methods from one another."
        )
    order = ", ".join(f"{method} {fixed(rank)}" for method, rank in ranks.items())
    section.add(
        Table("critical_difference", ranks.rename("average_rank").rename_axis("method").reset_index()
              .assign(critical_difference=difference)),
        Picture(
            "critical_difference",
            partial(critical_difference_figure, ranks, difference, test.tasks),
            caption="Joined methods do not differ by Nemenyi's test, which takes tasks for a random sample.",
            alt=f"Diagram of average ranks: {order}. Critical difference {fixed(difference)}.",
        ),
    )  # fmt: skip
    tests = pairwise_tests(matrix)
    section.add(Subheading("Every two methods"))
    limit = attainable_sentence(tests["smallest_p"].min(), len(tests), UNITS["task"])
    if limit:
        section.add_paragraph(limit)
    section.add(_pairwise_table(tests, [str(method) for method in ranks.index]))


def _pairwise_table(tests: pd.DataFrame, methods: list[str]) -> Table:
    """Every method minus each of those before it, which are named by their numbers."""
    by_pair = {frozenset((test["first"], test["second"])): test for _, test in tests.iterrows()}
    rows = [
        [
            Cell(f"{place + 1}. {method}"),
            *(_pairwise_cell(by_pair[frozenset((method, other))], method) for other in methods[:place]),
            *(Cell("") for _ in methods[place:-1]),
        ]
        for place, method in enumerate(methods)
    ]
    headings = [Heading("Method", is_number=False), *(Heading(f"{n + 1}.") for n in range(len(methods) - 1))]
    caption = (
        "Mean difference × 100 over tasks of the row's method less the column's, in the order of average "
        "ranks; below it p of Wilcoxon's exact two-sided signed-rank test after Holm's correction over "
        f"{plural(len(tests), 'pair')}, bold below {LEVEL}."
    )
    return Table("pairwise_tests", tests, headings, rows, caption)


def _pairwise_cell(test: pd.Series, method: str) -> Cell:
    sign = 1 if test["first"] == method else -1
    return Cell(
        points(sign * test["mean_difference"]),
        line=p_is(test["holm_p"]),
        is_best=test["holm_p"] < LEVEL,
    )


def _add_reference(section: Section, trials: xr.Dataset) -> None:
    table = against_reference(trials)
    section.add(Subheading("Against full fine-tuning"))
    if table.empty:
        section.add_note(
            "No method has a task and seed in common with `full`. Run a sweep whose `methods` include it."
        )
        return
    section.add_paragraph(
        f"Equivalent to full means a mean difference within ± {100 * MARGIN:g} of a score × 100 (our "
        f"choice), shown by two one-sided t tests at {LEVEL}; that no difference is found does not show it. "
        "Over task means a row is a task (Demšar 2006); over tasks and seeds there are more pairs, but "
        "those of a task are not independent, so they speak for these tasks only."
    )
    add_unlearned_tasks(section, trials)
    for unit, group in table.groupby("unit", sort=False):
        limit = attainable_sentence(group["smallest_p"].min(), len(group), UNITS[str(unit)])
        if limit:
            section.add_paragraph(limit)
    shown = table.assign(unit=table["unit"].map(UNITS), interval=_intervals(table))
    columns = {
        "method": Column("Method", is_number=False),
        "unit": Column("Over", is_number=False),
        "pairs": Column("Pairs"),
        "mean_difference": Column("Mean difference × 100", points),
        "interval": Column("90 % interval"),
        "p": Column("p, difference", probability),
        "holm_p": Column("p, Holm", probability),
        "smallest_p": Column("Smallest p possible", probability),
        "equivalence_p": Column("p, equivalence", probability),
    }
    section.add(
        frame_table("equivalence", shown, columns),
        Picture(
            "equivalence",
            partial(equivalence_figure, table, MARGIN),
            alt="Intervals of the mean difference to full, one line per method, beside a band of the margin.",
        ),
    )


def _intervals(table: pd.DataFrame) -> list[str]:
    return [
        f"{points(low)} to {points(high)}" if low == low else "–"
        for low, high in zip(table["low"], table["high"], strict=True)
    ]
