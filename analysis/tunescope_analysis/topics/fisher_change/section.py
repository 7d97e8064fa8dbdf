"""Does what has Fisher information also change?"""

from functools import partial

import pandas as pd

from tunescope_analysis.io.results import Results
from tunescope_analysis.io.vocabulary import order_tasks
from tunescope_analysis.report.blocks import Cell, Heading, Picture, Table
from tunescope_analysis.report.formatting import fixed
from tunescope_analysis.report.labels import measure_label
from tunescope_analysis.report.remedies import RUN_FISHER
from tunescope_analysis.report.section import Section
from tunescope_analysis.topics.change.table import measures_of, method_for_change
from tunescope_analysis.topics.fisher_change.figure import fisher_change_figure
from tunescope_analysis.topics.fisher_change.table import correlation_by_task, fisher_and_change


def fisher_change_section(results: Results) -> Section:
    """A scatter of change against Fisher information per task, and their rank correlations."""
    section = Section("fisher-change", "Fisher information against change")
    missing = [group for group in ("fisher", "change") if group not in results.groups]
    method = method_for_change(results.trials)
    if missing or method is None:
        needs = RUN_FISHER if "fisher" in missing else "Run `tunescope sweep JOB` with method `full`."
        section.add_note(f"This needs Fisher information and change of the same task. {needs}")
        return section
    frame = fisher_and_change(results.fisher, results.change, results.trials, method)
    if frame.empty:
        section.add_note(
            f"No task has both Fisher information and a finished trial of method {method}. {RUN_FISHER}"
        )
        return section
    measures = measures_of(results.change)
    table = correlation_by_task(frame)
    sentence = correlation_sentence(table, measures[0])
    section.add_paragraph(
        f"Each tensor's Fisher information per scalar beside its change by method {method}, the head left "
        f"out. {sentence}"
    )
    section.add(
        _correlation_table(table, measures),
        Table("fisher_change", frame),
        Picture(
            "fisher_change",
            partial(fisher_change_figure, frame, measures[0]),
            alt=f"Scatter plot on log axes, one panel per task, one marker per tensor. {sentence}",
        ),
    )
    return section


def correlation_sentence(table: pd.DataFrame, measure: str) -> str:
    """The range of the correlation over tasks, by one measure of change."""
    rho = table.loc[table["measure"] == measure, "spearman"].dropna()
    words = f"Spearman's correlation of Fisher information and {measure_label(measure)}"
    if rho.empty:
        return f"{words} is not defined: too few tensors, or all alike."
    if len(rho) == 1:
        return f"{words} is {fixed(rho.iloc[0])}."
    extent = f"{fixed(rho.min())} to {fixed(rho.max())}"
    return f"{words} is {extent} over {len(rho)} tasks, median {fixed(rho.median())}."


def _correlation_table(table: pd.DataFrame, measures: list[str]) -> Table:
    wide = table.pivot(index="task", columns="measure", values="spearman")
    tensors = table.groupby("task")["tensors"].max()
    named = [Heading(measure_label(name).capitalize()) for name in measures]
    headings = [Heading("Task", is_number=False), *named, Heading("Tensors")]
    rows = [
        [Cell(task), *(Cell(fixed(wide.loc[task, name])) for name in measures), Cell(str(tensors[task]))]
        for task in order_tasks(table["task"])
    ]
    caption = "Spearman's rank correlation with Fisher information per scalar."
    return Table("fisher_change_correlation", table, headings, rows, caption)
