"""Which components fine-tuning changed: a map, a ranking and a sentence per measure."""

from functools import partial

import xarray as xr

from tunescope_analysis.io.columns import trial_frame
from tunescope_analysis.io.results import Results
from tunescope_analysis.io.roles import is_pre_norm
from tunescope_analysis.io.tensor_maps import layers_of, numbered_layers
from tunescope_analysis.io.vocabulary import glue_tasks, order_tasks
from tunescope_analysis.report.blocks import Listing, Picture, Subheading, Table
from tunescope_analysis.report.labels import component_label, measure_label
from tunescope_analysis.report.remedies import PRE_NORM, RUN_SWEEP
from tunescope_analysis.report.section import Section
from tunescope_analysis.topics.added.section import add_added_tensors
from tunescope_analysis.topics.change.figure import change_figure
from tunescope_analysis.topics.change.table import (
    change_by_task,
    change_certainty,
    change_table,
    component_ranking,
    find_leaders,
    mean_over_tasks,
    measures_of,
    method_for_change,
)
from tunescope_analysis.topics.change.verdict import change_bias_verdict, change_verdict
from tunescope_analysis.topics.leaders import Finding, certainty_sentence, encoder_sentence
from tunescope_analysis.topics.ratios import output_bias_ratio
from tunescope_analysis.topics.scores.table import best_trials

RANKING_LENGTH = 5


def change_section(results: Results) -> Section:
    """Every measure's change maps, for `full` if a trial of it finished."""
    section = Section("change", "Parameter change")
    trials = results.trials
    if "change" not in results.groups:
        section.add_note(f"The file has no /change group, so there are no change maps. {RUN_SWEEP}")
        return section
    method = method_for_change(trials)
    if method is None:
        section.add_note(f"No trial has finished, so there are no change maps. {RUN_SWEEP}")
        return section
    change = results.change
    if method != "full":
        section.add_note(
            f"No trial of method full has finished: the maps show {method}, the method with the most "
            "trainable parameters."
        )
    maps = {name: change_by_task(change, trials, name, method) for name in measures_of(change)}
    findings = {name: find_leaders(by_task) for name, by_task in maps.items()}
    if not any(findings.values()):
        section.add_note(
            f"/change holds no number for method {method}, so there are no change maps. {RUN_SWEEP}"
        )
        return section
    _introduce(section, method, trials)
    if drawn := results.attributes.drawn_anew:
        section.add_note(
            f"The model's file lacks {drawn.replace(' ', ' and ')}: each trial drew them from its seed. Maps "
            "and ranking hold them, but their change says nothing about the pre-trained model."
        )
    if is_pre_norm(change["size"]):
        section.add_note(PRE_NORM)
    section.add(Table("change", change_table(change, trials, method)))
    named = {name: by_task.assign_attrs(long_name=measure_label(name)) for name, by_task in maps.items()}
    section.datasets["change_by_task"] = xr.Dataset(named)
    for name, finding in findings.items():
        if finding is not None:
            shares = change_certainty(change, trials, name, method)
            _add_measure(section, maps[name], finding, certainty_sentence(shares, finding.component))
        if name == "mean_abs" and method == "full":
            section.add_finding(change_bias_verdict(output_bias_ratio(maps[name].mean("layer"))))
    add_added_tensors(section, results)
    if method == "full" and "mean_abs" in maps:
        _rule(section, maps["mean_abs"])
    return section


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


def _introduce(section: Section, method: str, trials: xr.Dataset) -> None:
    section.add_paragraph(
        f"How far each tensor moved from its pre-trained values, method {method}: mean over seeds at the "
        "best learning rate of each task. Components are ranked by the mean over the layers that have them. "
        "The head is left out of the ranking, for it starts from random numbers (our choice)."
    )
    chosen = best_trials(trials)
    shown = set(chosen.loc[chosen["method"] == method, "task"])
    left_out = [task for task in order_tasks(trial_frame(trials)["task"]) if task not in shown]
    if left_out:
        section.add_note(
            f"Without a finished trial of this method, so not in the maps: {', '.join(left_out)}."
        )


def _rule(section: Section, by_task: xr.DataArray) -> None:
    """Add the verdict on the claim, which is about GLUE's tasks."""
    tasks = glue_tasks(map(str, by_task["task"].values))
    of_glue = by_task.sel(task=tasks)
    finding = find_leaders(of_glue) if tasks else None
    if finding is not None:
        encoder = encoder_sentence(find_leaders(numbered_layers(of_glue)))
        section.add_verdicts(change_verdict(finding, encoder))


def _add_measure(section: Section, by_task: xr.DataArray, finding: Finding, certainty: str) -> None:
    def label(component: str) -> str:
        return component_label(component, layers_of(by_task, component))

    only = str(by_task["task"].values[0]) if by_task.sizes["task"] == 1 else None
    sentence = finding_sentence(finding, label(finding.component), only)
    ranking = component_ranking(mean_over_tasks(by_task)).head(RANKING_LENGTH)
    section.add(Subheading(measure_label(finding.measure).capitalize()))
    section.add_paragraph(
        " ".join(
            filter(None, (sentence, certainty, encoder_sentence(find_leaders(numbered_layers(by_task)))))
        )
    )
    section.add(
        Listing([f"{label(str(name))}: {value:.2e}" for name, value in ranking.items()]),
        Picture(
            f"change_{finding.measure}",
            partial(change_figure, by_task),
            alt=f"Heat map, component by layer, one panel per task. {sentence}",
        ),
    )
