"""What a report says: the tables, figures and sentences of one result file."""

import io
from dataclasses import dataclass, field

import pandas as pd
import xarray as xr
from matplotlib.figure import Figure

from tunescope_analysis.change import (
    Finding,
    change_by_task,
    change_table,
    component_ranking,
    find_leaders,
    layers_of,
    mean_over_tasks,
    measures_of,
    method_for_change,
)
from tunescope_analysis.figures import change_figure, parameters_figure, scores_figure
from tunescope_analysis.labels import component_label, measure_label, order_tasks
from tunescope_analysis.results import Results
from tunescope_analysis.scores import best_trials, score_table, trial_frame

DOTS_PER_INCH = 150


@dataclass(frozen=True)
class ChangeSection:
    """One measure's map: its sentence, the components that changed most as `(label, mean)`, the PNG."""

    measure: str
    title: str
    sentence: str
    top: list[tuple[str, str]]
    png: bytes


@dataclass
class Report:
    """Everything that the page and the files beside it are made of."""

    results: Results
    trials: pd.DataFrame
    scores: pd.DataFrame
    scores_png: bytes | None = None
    parameters_png: bytes | None = None
    change_method: str | None = None
    change_note: str = ""
    change_tasks_left_out: list[str] = field(default_factory=list)
    change_sections: list[ChangeSection] = field(default_factory=list)
    change: pd.DataFrame | None = None


def build_report(results: Results) -> Report:
    """Compute every table and figure; parts that the file has no data for stay empty, with a note."""
    trials = results.trials
    report = Report(results, trial_frame(trials), score_table(trials))
    if report.scores["mean"].notna().any():
        report.scores_png = _png(scores_figure(report.scores))
        figure = parameters_figure(report.scores)
        report.parameters_png = _png(figure) if figure else None
    _add_change(report, trials)
    return report


def finding_sentence(finding: Finding, label: str, task: str | None = None) -> str:
    """One sentence; `task` names the only task of a file that has one, `label` the leading component."""
    measure = measure_label(finding.measure)
    if task is not None:
        return f"By {measure}, {label} changed most on {task} ({finding.value:.2e}, mean over its layers)."
    return (
        f"By {measure}, {label} changed most ({finding.value:.2e}, mean over tasks and its layers); "
        f"a LayerNorm tensor leads on {finding.layernorm_tasks} of {finding.tasks} tasks, "
        f"one of output LayerNorm on {finding.output_layernorm_tasks}."
    )


def _add_change(report: Report, trials: xr.Dataset) -> None:
    if "change" not in report.results.groups:
        report.change_note = "The file has no /change group, so there are no change maps."
        return
    method = method_for_change(trials)
    if method is None:
        report.change_note = "No trial has finished, so there are no change maps."
        return
    change = report.results.change
    report.change_method = method
    report.change_note = "" if method == "full" else (
        f"No trial of method full has finished: the maps show {method}, the method with the most trainable "
        "parameters."
    )  # fmt: skip
    chosen = best_trials(trials)
    shown = set(chosen.loc[chosen["method"] == method, "task"])
    report.change_tasks_left_out = [task for task in order_tasks(report.trials["task"]) if task not in shown]
    report.change = change_table(change, trials, method)
    sections = (_change_section(change_by_task(change, trials, name, method)) for name in measures_of(change))
    report.change_sections = [section for section in sections if section]
    if not report.change_sections:
        report.change_note = f"/change holds no number for method {method}, so there are no change maps."


def _change_section(by_task: xr.DataArray) -> ChangeSection | None:
    finding = find_leaders(by_task)
    if finding is None:
        return None

    def label(component: str) -> str:
        return component_label(component, layers_of(by_task, component))

    ranking = component_ranking(mean_over_tasks(by_task)).head(5)
    only = str(by_task["task"].values[0]) if by_task.sizes["task"] == 1 else None
    return ChangeSection(
        measure=finding.measure,
        title=measure_label(finding.measure).capitalize(),
        sentence=finding_sentence(finding, label(finding.component), only),
        top=[(label(str(name)), f"{value:.2e}") for name, value in ranking.items()],
        png=_png(change_figure(by_task)),
    )


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DOTS_PER_INCH)
    return buffer.getvalue()
