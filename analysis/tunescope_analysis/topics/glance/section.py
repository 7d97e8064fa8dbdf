"""What a report opens with: three figures and three sentences, to be taken in within ten seconds."""

from collections.abc import Callable, Sequence
from functools import partial

import pandas as pd
import xarray as xr

from tunescope_analysis.io.columns import trial_frame
from tunescope_analysis.io.results import Results, head_size
from tunescope_analysis.io.tensor_maps import layers_of, numbered_layers
from tunescope_analysis.io.vocabulary import averaged_tasks, order_tasks
from tunescope_analysis.report.blocks import Picture, Table
from tunescope_analysis.report.claims import Ruling, Verdict, rule_on_claims
from tunescope_analysis.report.formatting import join_words, percent, plural, share
from tunescope_analysis.report.labels import component_label, method_label
from tunescope_analysis.report.section import Section
from tunescope_analysis.topics.change.table import (
    change_by_task,
    find_leaders,
    mean_over_tasks,
    method_for_change,
)
from tunescope_analysis.topics.fisher.runs import default_runs
from tunescope_analysis.topics.fisher.table import find_fisher_leaders, fisher_by_task, typical_over_tasks
from tunescope_analysis.topics.glance.figure import shares_figure, single_map_figure
from tunescope_analysis.topics.leaders import Finding
from tunescope_analysis.topics.parameters.table import average_table
from tunescope_analysis.topics.scores.table import score_table

FEW_PARAMETERS = 0.01  # our choice: of a method that trains less, how near it comes is told
MAIN_MEASURE = "mean_abs"  # the paper's


def glance_section(results: Results, verdicts: Sequence[Verdict]) -> Section:
    """What the runs say and what they cannot; `verdicts` are those of the other sections."""
    section = Section("glance", "At a glance", is_opening=True)
    averages = average_table(results.trials, head_size(results))
    changed, informed = _change(results), _fisher(results)
    section.add_paragraph(_score_sentence(averages, averaged_tasks(score_table(results.trials)["task"])))
    section.add_paragraph(_place_sentence(changed, informed, results))
    section.add_paragraph(_limit_sentence(results, verdicts))
    if len(averages) and averages["average"].notna().any():
        section.add(
            Table("glance_scores", averages),
            Picture(
                "glance_scores",
                partial(shares_figure, averages),
                alt="Score against the share of the parameters that train.",
                caption="Score against trained share",
            ),
        )
    if changed is not None:
        _add_map(section, "glance_change", mean_over_tasks(changed), "How far parameters moved",
                 f"mean absolute change, {method_label(changed.attrs['method'])}")  # fmt: skip
    if informed is not None:
        _add_map(section, "glance_fisher", typical_over_tasks(informed), "Fisher information",
                 "Fisher information per scalar")  # fmt: skip
    return section


def _change(results: Results) -> xr.DataArray | None:
    """The change maps of the report, if there are any numbers in them."""
    method = method_for_change(results.trials)
    if "change" not in results.groups or method is None or MAIN_MEASURE not in results.change:
        return None
    by_task = change_by_task(results.change, results.trials, MAIN_MEASURE, method)
    return by_task if find_leaders(by_task) else None


def _fisher(results: Results) -> xr.DataArray | None:
    if "fisher" not in results.groups or default_runs(results.fisher).empty:
        return None
    by_task = fisher_by_task(results.fisher)
    return by_task if find_fisher_leaders(by_task, results.fisher["size"]) else None


def _add_map(section: Section, name: str, values: xr.DataArray, caption: str, label: str) -> None:
    frame = values.rename(name).to_dataframe().reset_index().dropna()
    alt = f"Heat map, component by layer: {label}."
    section.add(Table(name, frame), Picture(name, partial(single_map_figure, values, label), alt, caption))


def _score_sentence(averages: pd.DataFrame, tasks: list[str]) -> str:
    known = averages[averages["average"].notna()] if len(averages) else averages
    if known.empty:
        return "No method has a score on every task yet, so methods cannot be compared."
    best = known.loc[known["average"].idxmax()]
    where = f"on {tasks[0]}" if len(tasks) == 1 else f"on average over {len(tasks)} tasks"
    text = f"`{best['method']}` scores best {where}: {percent(best['average'])}"
    small = known[(known["share"] < FEW_PARAMETERS) & (known["method"] != "head")]
    if small.empty or best["method"] in set(small["method"]):
        return f"{text}, training {share(best['share'])} of the parameters."
    near = small.loc[small["average"].idxmax()]
    below = percent(best["average"] - near["average"])
    return (
        f"{text}; the best that trains less than 1 % of the parameters is `{near['method']}` "
        f"({share(near['share'])}), {below} points below."
    )


def _place_sentence(changed: xr.DataArray | None, informed: xr.DataArray | None, results: Results) -> str:
    """Which component of the encoder layers moved and informs most, and what outside them has more."""
    inside, elsewhere, moved = [], [], ""
    if changed is not None:
        first, moved = _leaders(changed, find_leaders)
        inside.append(f"training moved {moved} furthest")
        elsewhere += [f"{first} moved further"] if first != moved else []
    if informed is not None:
        size = results.fisher["size"]
        first, known = _leaders(informed, lambda by_task: find_fisher_leaders(by_task, size))
        inside.append(f"{'it' if known == moved else known} has the most Fisher information per scalar")
        elsewhere += [f"{first} has more"] if first != known else []
    if not inside:
        return "The file tells neither how far parameters moved nor where the Fisher information is."
    outside = f"; outside them {join_words(elsewhere)}" if elsewhere else ""
    return f"In the encoder layers {join_words(inside)}{outside}."


def _leaders(by_task: xr.DataArray, find: Callable[[xr.DataArray], Finding | None]) -> tuple[str, str]:
    """The leading component of all and that of the encoder layers, which some files have no number of."""
    found = [finding for finding in (find(by_task), find(numbered_layers(by_task))) if finding]
    labels = [component_label(own.component, layers_of(by_task, own.component)) for own in found]
    return labels[0], labels[-1]


def _limit_sentence(results: Results, verdicts: Sequence[Verdict]) -> str:
    rulings = [verdict.ruling for verdict in rule_on_claims(verdicts).values()]
    yes, no = rulings.count(Ruling.SUPPORTED), rulings.count(Ruling.NOT_SUPPORTED)
    trials = trial_frame(results.trials)
    unfinished = int((trials["state"] != "done").sum())
    runs = ", ".join(
        [
            plural(len(order_tasks(trials["task"])), "task"),
            plural(int(trials["seed"].nunique()), "seed"),
            *([f"{plural(unfinished, 'trial')} without a result"] if unfinished else []),
        ]
    )
    if yes + no == 0:
        return (
            f"These runs ({runs}) decide none of the {len(rulings)} claims below; each tells what it needs."
        )
    return (
        f"These runs ({runs}) support {yes} of the {len(rulings)} claims below and speak against {no}; for "
        "the others they are not enough."
    )
