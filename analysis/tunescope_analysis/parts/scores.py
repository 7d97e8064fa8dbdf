"""Scores by task and method, and against the number of trainable parameters."""

from dataclasses import replace

import numpy as np
import pandas as pd

from tunescope_analysis.certainty import tied_with_best
from tunescope_analysis.figures.scores import parameters_figure, scores_figure
from tunescope_analysis.io.results import Results, head_size
from tunescope_analysis.io.vocabulary import order_tasks
from tunescope_analysis.labels import metric_label
from tunescope_analysis.parts.numbers import count, percent, plural, share
from tunescope_analysis.parts.part import RUN_SWEEP, Cell, Column, Heading, Part, Picture, Table, frame_table
from tunescope_analysis.parts.published import add_published
from tunescope_analysis.scores import average_table, glue_average, order_methods, score_table

TIED = "≈"


def scores_part(results: Results) -> Part:
    """The score table, and the same numbers as a figure, and published ones beside them."""
    table = score_table(results.trials)
    part = Part("scores", "Scores")
    if not table["mean"].notna().any():
        part.add(Table("scores", table))
        part.note(f"No trial has finished, so there are no scores. {RUN_SWEEP}")
        return part
    tasks = order_tasks(table["task"])
    tied = tied_with_best(results.trials)
    part.say(_introduction(len(tasks), int(table["seeds"].max())))
    part.add(
        _score_table(table, tasks, tied),
        Picture(
            "scores",
            scores_figure(table),
            alt="Dot plot of the table: a panel a task, a line a method, bars of one standard deviation.",
            caption=f"The same numbers{'; each task has its own scale' if len(tasks) > 1 else ''}.",
        ),
    )
    add_published(part, results)
    return part


def parameters_part(results: Results) -> Part:
    """Trainable parameters a method beside its average score."""
    part = Part("parameters", "Trainable parameters and score")
    averages = average_table(results.trials, head_size(results))
    if averages.empty:
        part.note(f"There are no trials, so there is nothing to compare. {RUN_SWEEP}")
        return part
    if averages["seeds"].max() > 1:
        part.say(
            "Intervals hold the average with 95 % confidence: Student's t over seeds, a seed's average over "
            "the tasks being one observation."
        )
    else:
        part.note("No method has two seeds with every task, so there are no intervals. Run several `seeds`.")
    tasks = len(order_tasks(score_table(results.trials)["task"]))
    part.add(_parameter_table(averages, tasks))
    figure = parameters_figure(averages)
    if figure is None:
        part.note("No method has a score on every task, so there is no average to plot. Run what is missing: "
                  "`tunescope sweep JOB`.")  # fmt: skip
        return part
    alt = "Scatter plot of the table: score against trainable parameters on a log scale, a marker a method."
    part.add(Picture("parameters", figure, alt))
    return part


def _introduction(tasks: int, seeds: int) -> str:
    sentences = [
        "Dev-set scores × 100 at the best learning rate of each task and method, chosen on the dev set.",
        f"Mean ± standard deviation over up to {seeds} seeds."
        if seeds > 1
        else "One seed, so no standard deviation.",
        "Bold: best mean of the task.",
    ]
    if seeds > 1:
        sentences.append(f"{TIED}: not told from the best by its seeds (Welch's t test, Holm, 0.05).")
    if tasks > 1:
        sentences.append("The average is given where a method has a score on every task.")
    return " ".join(sentences)


def _score_table(table: pd.DataFrame, tasks: list[str], tied: set[tuple[str, str]]) -> Table:
    """A row a method, a cell a task; means that print alike are equally best (our choice)."""
    best, average = table.groupby("task")["mean"].max(), glue_average(table)
    most_seeds = int(table["seeds"].max())
    rows = []
    for method in order_methods(table):
        own = table[table["method"] == method].set_index("task")
        cells = [_score_cell(own, task, best[task], most_seeds) for task in tasks]
        marked = [replace(c, note=f"{c.note} {TIED}") if (task, method) in tied and not c.is_best else c
                  for task, c in zip(tasks, cells, strict=True)]  # fmt: skip
        row = [Cell(method), *marked]
        if len(tasks) > 1:
            whole = percent(average[method]) if method in average else "–"
            row.append(Cell(whole, is_best=method in average and whole == percent(average.max())))
        rows.append(row)
    headings = [Heading("Method", is_number=False), *(Heading(task, _metric(table, task)) for task in tasks)]
    if len(tasks) > 1:
        headings.append(Heading("Average"))
    return Table("scores", table, headings, rows)


def _score_cell(own: pd.DataFrame, task: str, best: float, most_seeds: int) -> Cell:
    if task not in own.index:
        return Cell("–")
    row = own.loc[task]
    if not np.isfinite(row["mean"]):
        return Cell("", note=str(row["state"]))
    seeds = int(row["seeds"])
    line = plural(seeds, "seed") if seeds < most_seeds else ""
    spread = "" if np.isnan(row["standard_deviation"]) else f"± {percent(row['standard_deviation'])}"
    text = percent(row["mean"])
    return Cell(text, spread, line, is_best=text == percent(best))


def _parameter_table(averages: pd.DataFrame, tasks: int) -> Table:
    columns = {
        "method": Column("Method", is_number=False),
        "trainable_parameters": Column("Trainable", count),
        "share": Column("Share of all", share),
        "share_without_head": Column("Share without the head", share),
        "average": Column(f"{'Score' if tasks == 1 else 'Average'} × 100", percent),
        "interval": Column("95 % interval"),
        "seeds": Column("Seeds"),
    }
    intervals = [
        f"{percent(low)} to {percent(high)}" if np.isfinite(low) else "–"
        for low, high in zip(averages["low"], averages["high"], strict=True)
    ]
    return frame_table("parameters", averages.assign(interval=intervals), columns)


def _metric(table: pd.DataFrame, task: str) -> str:
    metrics = table.loc[(table["task"] == task) & (table["metric"] != ""), "metric"]
    return metric_label(str(metrics.iloc[0])) if len(metrics) else ""
