"""How training went: learning rates, curves, spread over seeds, diverged trials, budgets."""

import pandas as pd

from tunescope_analysis.budget import budget_table
from tunescope_analysis.figures.training import budget_figure, curves_figure, rates_figure, seeds_figure
from tunescope_analysis.io.results import Results
from tunescope_analysis.parts.numbers import general, percent, plural
from tunescope_analysis.parts.part import RUN_SWEEP, Column, Part, Picture, Subheading, Table, frame_table
from tunescope_analysis.scores import order_methods, score_table
from tunescope_analysis.training import diverged_table, learning_curves, rate_table, seed_scores


def training_part(results: Results) -> Part:
    """Figures of how scores depend on learning rate, time, seed and number of trials."""
    part = Part("training", "Learning rates, curves and seeds")
    trials = results.trials
    rates = rate_table(trials)
    if not rates["mean"].notna().any():
        part.note(f"No trial has finished, so there is nothing to show. {RUN_SWEEP}")
        return part
    methods = order_methods(score_table(trials))
    _add_rates(part, rates, methods)
    _add_curves(part, results, methods)
    _add_seeds(part, seed_scores(trials), methods)
    _add_budget(part, budget_table(trials), methods)
    return part


def _add_curves(part: Part, results: Results, methods: list[str]) -> None:
    part.add(Subheading("Learning curves"))
    known = "evaluations" in results.groups
    curves = learning_curves(results.evaluations, results.trials) if known else pd.DataFrame()
    if not known or not (curves.groupby(["task", "method"]).size() > 1).any():
        part.note("No trial has two evaluations. Run a sweep with a smaller `evaluate_every` in `[train]`.")
        return
    part.say("Mean over seeds at the best learning rate, shaded ± one standard deviation.")
    part.add(
        Table("learning_curves", curves),
        Picture("learning_curves", curves_figure(curves, methods),
                "Lines of the dev metric over epochs, a panel a task, a line a method."),
    )  # fmt: skip


def _add_budget(part: Part, budget: pd.DataFrame, methods: list[str]) -> None:
    part.add(Subheading("Best of a budget"))
    if budget.empty:
        part.note(
            "No method has two trials of a task. Run several `seeds` or `learning_rates` to see what a "
            "budget of trials gives."
        )
        return
    part.say(
        "Expected best dev score of so many trials, drawn without replacement from those over all learning "
        "rates and seeds (expected validation performance, unbiased: Tang et al. 2020). A diverged trial "
        "counts as 0."
    )
    part.add(
        Table("budget", budget),
        Picture("budget", budget_figure(budget, methods),
                "Rising lines of the expected best score over the number of trials, a panel a task."),
    )  # fmt: skip


def _add_rates(part: Part, rates: pd.DataFrame, methods: list[str]) -> None:
    part.add(Subheading("Learning rates"), Table("learning_rates", rates))
    finished = rates[rates["mean"].notna()]
    if (finished.groupby(["task", "method"]).size() > 1).any():
        part.say("Mean over seeds, shaded ± one standard deviation. A cross: some trial diverged.")
        alt = "Lines of the score over learning rates, a panel a task, a line a method."
        part.add(Picture("learning_rates", rates_figure(rates, methods), alt))
    else:
        part.note(
            "Every method has one learning rate. Run several `learning_rates` and `peft_learning_rates` to "
            "see how they matter."
        )
    diverged = diverged_table(rates)
    if diverged.empty:
        part.say("No trial diverged.")
        return
    part.say(f"{plural(int(diverged['diverged'].sum()), 'trial')} diverged.")
    columns = {
        "method": Column("Method", is_number=False),
        "task": Column("Task", is_number=False),
        "learning_rate": Column("Learning rate", general),
        "diverged": Column("Diverged"),
        "trials": Column("Trials"),
    }
    part.add(frame_table("diverged", diverged, columns))


def _add_seeds(part: Part, scores: pd.DataFrame, methods: list[str]) -> None:
    part.add(Subheading("Seeds"), Table("seeds", scores))
    spreads = scores.groupby(["task", "method"])["score"].agg(["min", "max", "count"]).reset_index()
    spreads = spreads[spreads["count"] > 1]
    if spreads.empty:
        part.note("Every method has one finished seed. Run several `seeds` to see how scores spread.")
        return
    widest = spreads.loc[(spreads["max"] - spreads["min"]).idxmax()]
    part.say(
        f"Widest: {widest['method']} on {widest['task']}, {percent(widest['min'])} to "
        f"{percent(widest['max'])} over {plural(int(widest['count']), 'seed')}."
    )
    alt = "Dots of every seed's score, a panel a task, a column a method."
    part.add(Picture("seeds", seeds_figure(scores, methods), alt))
