"""How training went: learning rates, curves, spread over seeds, diverged trials, budgets."""

from functools import partial

import pandas as pd

from tunescope_analysis.io.results import Results
from tunescope_analysis.report.blocks import Column, Picture, Subheading, Table, frame_table
from tunescope_analysis.report.formatting import general, percent, plural
from tunescope_analysis.report.remedies import RUN_SWEEP
from tunescope_analysis.report.section import Section
from tunescope_analysis.topics.scores.table import order_methods, score_table
from tunescope_analysis.topics.training.figure import budget_figure, curves_figure, rates_figure, seeds_figure
from tunescope_analysis.topics.training.table import (
    budget_table,
    diverged_table,
    learning_curves,
    rate_table,
    seed_scores,
)


def training_section(results: Results) -> Section:
    """Figures of how scores depend on learning rate, time, seed and number of trials."""
    section = Section("training", "Learning rates, curves and seeds")
    trials = results.trials
    rates = rate_table(trials)
    if not rates["mean"].notna().any():
        section.add_note(f"No trial has finished, so there is nothing to show. {RUN_SWEEP}")
        return section
    methods = order_methods(score_table(trials))
    _add_rates(section, rates, methods)
    _add_curves(section, results, methods)
    _add_seeds(section, seed_scores(trials), methods)
    _add_budget(section, budget_table(trials), methods)
    return section


def _add_curves(section: Section, results: Results, methods: list[str]) -> None:
    section.add(Subheading("Learning curves"))
    known = "evaluations" in results.groups
    curves = learning_curves(results.evaluations, results.trials) if known else pd.DataFrame()
    if not known or not (curves.groupby(["task", "method"]).size() > 1).any():
        section.add_note(
            "No trial has two evaluations. Run a sweep with a smaller `evaluate_every` in `[train]`."
        )
        return
    section.add_paragraph("Mean over seeds at the best learning rate, shaded ± one standard deviation.")
    section.add(
        Table("learning_curves", curves),
        Picture("learning_curves", partial(curves_figure, curves, methods),
                "Lines of the dev metric over epochs, one panel per task, one line per method."),
    )  # fmt: skip


def _add_budget(section: Section, budget: pd.DataFrame, methods: list[str]) -> None:
    section.add(Subheading("Best of a budget"))
    if budget.empty:
        section.add_note(
            "No method has two trials of a task. Run several `seeds` or `learning_rates` to see what a "
            "budget of trials gives."
        )
        return
    section.add_paragraph(
        "Expected best dev score of so many trials, drawn without replacement from those over all learning "
        "rates and seeds (expected validation performance, unbiased: Tang et al. 2020). A diverged trial "
        "counts as 0."
    )
    section.add(
        Table("budget", budget),
        Picture("budget", partial(budget_figure, budget, methods),
                "Rising lines of the expected best score over the number of trials, one panel per task."),
    )  # fmt: skip


def _add_rates(section: Section, rates: pd.DataFrame, methods: list[str]) -> None:
    section.add(Subheading("Learning rates"), Table("learning_rates", rates))
    finished = rates[rates["mean"].notna()]
    if (finished.groupby(["task", "method"]).size() > 1).any():
        section.add_paragraph(
            "Mean over seeds, shaded ± one standard deviation. A cross: some trial diverged."
        )
        alt = "Lines of the score over learning rates, one panel per task, one line per method."
        section.add(Picture("learning_rates", partial(rates_figure, rates, methods), alt))
    else:
        section.add_note(
            "Every method has one learning rate. Run several `learning_rates` and `peft_learning_rates` to "
            "see how they matter."
        )
    diverged = diverged_table(rates)
    if diverged.empty:
        section.add_paragraph("No trial diverged.")
        return
    section.add_paragraph(f"{plural(int(diverged['diverged'].sum()), 'trial')} diverged.")
    columns = {
        "method": Column("Method", is_number=False),
        "task": Column("Task", is_number=False),
        "learning_rate": Column("Learning rate", general),
        "diverged": Column("Diverged"),
        "trials": Column("Trials"),
    }
    section.add(frame_table("diverged", diverged, columns))


def _add_seeds(section: Section, scores: pd.DataFrame, methods: list[str]) -> None:
    section.add(Subheading("Seeds"), Table("seeds", scores))
    spreads = scores.groupby(["task", "method"])["score"].agg(["min", "max", "count"]).reset_index()
    spreads = spreads[spreads["count"] > 1]
    if spreads.empty:
        section.add_note("Every method has one finished seed. Run several `seeds` to see how scores spread.")
        return
    widest = spreads.loc[(spreads["max"] - spreads["min"]).idxmax()]
    section.add_paragraph(
        f"Widest: {widest['method']} on {widest['task']}, {percent(widest['min'])} to "
        f"{percent(widest['max'])} over {plural(int(widest['count']), 'seed')}."
    )
    alt = "Dots of every seed's score, one panel per task, one column per method."
    section.add(Picture("seeds", partial(seeds_figure, scores, methods), alt))
