"""Which methods differ, and which are equivalent to full fine-tuning."""

import pandas as pd
import xarray as xr

from tunescope_analysis.change import FRESH_LAYER
from tunescope_analysis.figures.significance import critical_difference_figure, equivalence_figure
from tunescope_analysis.parts.equivalence import equivalence_verdicts
from tunescope_analysis.parts.numbers import fixed, p_is, plural, points, probability
from tunescope_analysis.parts.part import Column, Part, Picture, Subheading, Table, frame_table
from tunescope_analysis.results import Results
from tunescope_analysis.significance import (
    FEWEST_METHODS,
    LEVEL,
    MARGIN,
    UNITS,
    Friedman,
    against_reference,
    average_ranks,
    critical_difference,
    friedman,
    pairwise_tests,
    score_matrix,
)


def significance_part(results: Results) -> Part:
    """Tests over tasks of all methods, then of each method against `full`, of difference and equivalence."""
    part = Part("significance", "Significance")
    trials = results.trials
    _add_ranks(part, score_matrix(trials))
    _add_reference(part, trials)
    part.verdicts += equivalence_verdicts(trials, _head_size(results))
    return part


def _head_size(results: Results) -> float:
    """Scalars of the head, from whichever maps the file has; NaN without any."""
    for group in ("change", "fisher"):
        if group in results.groups:
            size = results.dataset(group)["size"]
            return float(size.sel(layer=size["layer"] == FRESH_LAYER).sum())
    return float("nan")


def friedman_sentence(test: Friedman) -> str:
    """The outcome of Friedman's test in words."""
    found = "differ in rank" if test.p < LEVEL else "do not show a difference in rank"
    return (
        f"Friedman's test over {plural(test.tasks, 'task')}: the {test.methods} methods {found} (chi-square "
        f"{fixed(test.statistic)}, {p_is(test.p)})."
    )


def _add_ranks(part: Part, matrix: pd.DataFrame) -> None:
    test = friedman(matrix)
    if test is None:
        part.note(
            f"Friedman's test needs {FEWEST_METHODS} methods with a score on the same two tasks or more. "
            "Run a "
            "sweep with more of `methods` and `tasks`."
        )
        return
    ranks = average_ranks(matrix)
    difference = critical_difference(test.methods, test.tasks)
    part.say(friedman_sentence(test))
    if difference >= test.methods - 1:
        part.say(
            f"With {plural(test.tasks, 'task')} the critical difference {fixed(difference)} is larger than "
            "any two "
            "ranks can be apart: the diagram cannot tell methods from one another."
        )
    order = ", ".join(f"{method} {fixed(rank)}" for method, rank in ranks.items())
    part.add(
        Table("average_ranks", ranks.rename("average_rank").rename_axis("method").reset_index()),
        Table("critical_difference", ranks.rename("average_rank").rename_axis("method").reset_index()
              .assign(critical_difference=difference)),
        Picture(
            "critical_difference",
            critical_difference_figure(ranks, difference, test.tasks),
            alt=f"Diagram of average ranks: {order}. Critical difference {fixed(difference)}.",
            is_wide=False,
        ),
    )  # fmt: skip
    tests = pairwise_tests(matrix)
    columns = {
        "first": Column("First", is_number=False),
        "second": Column("Second", is_number=False),
        "mean_difference": Column("Mean difference × 100", points),
        "p": Column("p", probability),
        "holm_p": Column("p, Holm", probability),
        "smallest_p": Column("Smallest p possible", probability),
    }
    caption = "Wilcoxon's signed-rank test of every two methods over tasks, exact, two-sided."
    part.add(Subheading("Every two methods"), frame_table("pairwise_tests", tests, columns, caption))


def _add_reference(part: Part, trials: xr.Dataset) -> None:
    table = against_reference(trials)
    part.add(Subheading("Against full fine-tuning"))
    if table.empty:
        part.note(
            "No method has a task and seed in common with `full`. Run a sweep whose `methods` include it."
        )
        return
    part.say(
        f"Equivalent to full means a mean difference within ± {100 * MARGIN:g} of a score × 100 (our "
        "choice), shown "
        f"by two one-sided t tests at {LEVEL}; that no difference is found does not show it. Over task "
        "means a row is "
        "a task (Demšar 2006); over tasks and seeds there are more pairs, but those of a task are not "
        "independent, so "
        "they speak for these tasks only."
    )
    few = table[(table["unit"] == "task") & (table["smallest_p"] >= LEVEL)]
    if len(few):
        smallest = probability(few["smallest_p"].min())
        part.say(
            f"Over task means Wilcoxon's test cannot reach p < {LEVEL} with so few tasks: the smallest "
            "possible is "
            f"{smallest}. Six tasks or more are needed."
        )
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
    part.add(
        frame_table("equivalence", shown, columns),
        Picture(
            "equivalence",
            equivalence_figure(table, MARGIN),
            alt="Intervals of the mean difference to full, a line a method, beside a band of the margin.",
        ),
    )


def _intervals(table: pd.DataFrame) -> list[str]:
    return [
        f"{points(low)} to {points(high)}" if low == low else "–"
        for low, high in zip(table["low"], table["high"], strict=True)
    ]
