"""Which components fine-tuning changed: a map, a ranking and a sentence a measure."""

import pandas as pd
import xarray as xr

from tunescope_analysis.certainty import change_certainty
from tunescope_analysis.change import (
    Finding,
    change_by_task,
    change_table,
    component_ranking,
    find_leaders,
    mean_over_tasks,
    measures_of,
    method_for_change,
)
from tunescope_analysis.figures.maps import change_figure
from tunescope_analysis.io.columns import trial_frame
from tunescope_analysis.io.results import Results
from tunescope_analysis.io.tensor_maps import layers_of, numbered_layers
from tunescope_analysis.io.vocabulary import is_output_layernorm, order_tasks
from tunescope_analysis.labels import component_label, measure_label
from tunescope_analysis.parts.numbers import count, plural, share
from tunescope_analysis.parts.part import (
    NOT_DECIDABLE,
    NOT_SUPPORTED,
    RUN_SWEEP,
    SUPPORTED,
    Listing,
    Part,
    Picture,
    Subheading,
    Table,
    Verdict,
)
from tunescope_analysis.scores import best_trials
from tunescope_analysis.stats.bootstrap import DRAWS

SHOWN = 5
FEWEST_TASKS = 3  # our choice: fewer say nothing on "most tasks"


def change_part(results: Results) -> Part:
    """Every measure's change maps, for `full` where a trial of it finished."""
    part = Part("change", "Parameter change")
    trials = results.trials
    if "change" not in results.groups:
        part.note(f"The file has no /change group, so there are no change maps. {RUN_SWEEP}")
        return part
    method = method_for_change(trials)
    if method is None:
        part.note(f"No trial has finished, so there are no change maps. {RUN_SWEEP}")
        return part
    change = results.change
    if method != "full":
        part.note(
            f"No trial of method full has finished: the maps show {method}, the method with the most "
            "trainable parameters."
        )
    maps = {name: change_by_task(change, trials, name, method) for name in measures_of(change)}
    findings = {name: find_leaders(by_task) for name, by_task in maps.items()}
    if not any(findings.values()):
        part.note(f"/change holds no number for method {method}, so there are no change maps. {RUN_SWEEP}")
        return part
    _introduce(part, method, trials)
    if drawn := results.attributes.drawn_anew:
        part.note(
            f"The model's file lacks {drawn.replace(' ', ' and ')}: each trial drew them from its seed. Maps "
            "and ranking hold them, but their change says nothing about the pre-trained model."
        )
    part.add(Table("change", change_table(change, trials, method)))
    named = {name: by_task.assign_attrs(long_name=measure_label(name)) for name, by_task in maps.items()}
    part.datasets["change_by_task"] = xr.Dataset(named)
    for name, finding in findings.items():
        if finding is not None:
            shares = change_certainty(change, trials, name, method)
            _add_measure(part, maps[name], finding, certainty_sentence(shares, finding.component))
    main = findings.get("mean_abs")
    if method == "full" and main is not None:
        part.verdicts.append(
            _verdict(main, encoder_sentence(find_leaders(numbered_layers(maps["mean_abs"]))))
        )
    return part


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


def encoder_sentence(finding: Finding | None) -> str:
    """Which component is first when embeddings and pooler, of which there is one each, are left out."""
    if finding is None:
        return ""
    return (
        f"Among the components of encoder layers {component_label(finding.component, '0')} is first; one "
        f"of output LayerNorm leads on {finding.output_layernorm_tasks} of {plural(finding.tasks, 'task')}."
    )


def certainty_sentence(shares: pd.Series | None, component: str) -> str:
    """How often the component stays first when the seeds are drawn again; nothing for single seeds."""
    if shares is None:
        return ""
    return f"It is first in {share(shares[component])} of {count(DRAWS)} bootstrap draws of the seeds."


def _introduce(part: Part, method: str, trials: xr.Dataset) -> None:
    part.say(
        f"How far each tensor moved from its pre-trained values, method {method}: mean over seeds at the "
        "best learning rate of each task. Components are ranked by the mean over the layers that have them. "
        "The head is left out of the ranking, for it starts from random numbers (our choice)."
    )
    chosen = best_trials(trials)
    shown = set(chosen.loc[chosen["method"] == method, "task"])
    left_out = [task for task in order_tasks(trial_frame(trials)["task"]) if task not in shown]
    if left_out:
        part.note(f"Without a finished trial of this method, so not in the maps: {', '.join(left_out)}.")


def _add_measure(part: Part, by_task: xr.DataArray, finding: Finding, certainty: str) -> None:
    def label(component: str) -> str:
        return component_label(component, layers_of(by_task, component))

    only = str(by_task["task"].values[0]) if by_task.sizes["task"] == 1 else None
    sentence = finding_sentence(finding, label(finding.component), only)
    ranking = component_ranking(mean_over_tasks(by_task)).head(SHOWN)
    part.add(Subheading(measure_label(finding.measure).capitalize()))
    part.say(
        " ".join(
            filter(None, (sentence, certainty, encoder_sentence(find_leaders(numbered_layers(by_task)))))
        )
    )
    part.add(
        Listing([f"{label(str(name))}: {value:.2e}" for name, value in ranking.items()]),
        Picture(
            f"change_{finding.measure}",
            change_figure(by_task),
            alt=f"Heat map, component by layer, a panel a task. {sentence}",
        ),
    )


def ruling_on_most(tasks: int, holds: bool) -> str:
    """The ruling on a claim about most tasks, which fewer than `FEWEST_TASKS` cannot decide."""
    if tasks < FEWEST_TASKS:
        return NOT_DECIDABLE
    return SUPPORTED if holds else NOT_SUPPORTED


def _verdict(finding: Finding, encoder: str) -> Verdict:
    is_most = 2 * finding.output_layernorm_tasks > finding.tasks
    holds = is_most and is_output_layernorm(finding.component)
    return Verdict(
        "change",
        ruling_on_most(finding.tasks, holds),
        f"By mean absolute change a tensor of output LayerNorm leads on {finding.output_layernorm_tasks} of "
        f"{plural(finding.tasks, 'task')}, any LayerNorm on {finding.layernorm_tasks}. {encoder}",
        "change_mean_abs",
    )
