"""The score table, the same numbers as a figure, and published ones beside them."""

from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd

from tunescope_analysis.io.results import Results
from tunescope_analysis.io.vocabulary import averaged_tasks, order_tasks
from tunescope_analysis.report.blocks import Cell, Heading, Picture, Table
from tunescope_analysis.report.formatting import join_words, percent, plural
from tunescope_analysis.report.labels import metric_label
from tunescope_analysis.report.remedies import RUN_SWEEP
from tunescope_analysis.report.section import Section
from tunescope_analysis.topics.published.section import add_published
from tunescope_analysis.topics.scores.figure import scores_figure
from tunescope_analysis.topics.scores.table import glue_average, order_methods, score_table, tied_with_best
from tunescope_analysis.topics.selection.section import add_optimism, selection_sentence

TIE_MARK = "≈"


def scores_section(results: Results) -> Section:
    """The score table, and the same numbers as a figure, and published ones beside them."""
    table = score_table(results.trials)
    section = Section("scores", "Scores")
    if not table["mean"].notna().any():
        section.add(Table("scores", table))
        section.add_note(f"No trial has finished, so there are no scores. {RUN_SWEEP}")
        return section
    tasks = order_tasks(table["task"])
    tied = tied_with_best(results.trials)
    rules = sorted(set(results.trials["selection"].values))
    section.add_paragraph(f"{selection_sentence(rules)} {_introduction(tasks, int(table['seeds'].max()))}")
    section.add(
        _score_table(table, tasks, tied),
        Picture(
            "scores",
            partial(scores_figure, table),
            alt="Dot plot of the table: one panel per task, one line per method, bars of one deviation.",
            caption=f"The same numbers{'; each task has its own scale' if len(tasks) > 1 else ''}.",
        ),
    )
    add_optimism(section, results)
    add_published(section, results)
    return section


def _introduction(tasks: list[str], seeds: int) -> str:
    sentences = [
        f"Mean ± standard deviation over up to {seeds} seeds."
        if seeds > 1
        else "One seed, so no standard deviation.",
        "Bold: best mean of the task.",
    ]
    if seeds > 1:
        sentences.append(f"{TIE_MARK}: not told from the best by its seeds (Welch's t test, Holm, 0.05).")
    averaged = averaged_tasks(tasks)
    if len(averaged) > 1:
        others = [task for task in tasks if task not in averaged]
        which = f" of the papers on GLUE, so without {join_words(others)}" if others else ""
        sentences.append(f"The average is given where a method has a score on every task{which}.")
    return " ".join(sentences)


def _score_table(table: pd.DataFrame, tasks: list[str], tied: set[tuple[str, str]]) -> Table:
    """A row per method, a cell per task; means that print alike are equally best (our choice)."""
    best, average = table.groupby("task")["mean"].max(), glue_average(table)
    most_seeds = int(table["seeds"].max())
    has_average = len(averaged_tasks(tasks)) > 1
    rows = []
    for method in order_methods(table):
        own = table[table["method"] == method].set_index("task")
        cells = [_score_cell(own, task, best[task], most_seeds) for task in tasks]
        marked = [replace(c, note=f"{c.note} {TIE_MARK}") if (task, method) in tied and not c.is_best else c
                  for task, c in zip(tasks, cells, strict=True)]  # fmt: skip
        row = [Cell(method), *marked]
        if has_average:
            whole = percent(average[method]) if method in average else "–"
            row.append(Cell(whole, is_best=method in average and whole == percent(average.max())))
        rows.append(row)
    headings = [Heading("Method", is_number=False), *(Heading(task, _metric(table, task)) for task in tasks)]
    if has_average:
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


def _metric(table: pd.DataFrame, task: str) -> str:
    metrics = table.loc[(table["task"] == task) & (table["metric"] != ""), "metric"]
    return metric_label(str(metrics.iloc[0])) if len(metrics) else ""
