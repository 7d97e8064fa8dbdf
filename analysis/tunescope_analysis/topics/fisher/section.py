"""Where the Fisher information is: maps, and rankings by each normalization."""

from functools import partial

import pandas as pd
import xarray as xr

from tunescope_analysis.io.results import Results
from tunescope_analysis.io.roles import is_pre_norm
from tunescope_analysis.io.tensor_maps import layers_of, numbered_layers, without_head
from tunescope_analysis.io.vocabulary import is_layernorm, is_output_layernorm
from tunescope_analysis.report.blocks import Cell, Heading, Picture, Subheading, Table
from tunescope_analysis.report.formatting import count, plural, scientific, share
from tunescope_analysis.report.labels import component_label, fisher_label
from tunescope_analysis.report.remedies import PRE_NORM, RUN_FISHER
from tunescope_analysis.report.section import Section
from tunescope_analysis.topics.depth_scales.section import add_scales
from tunescope_analysis.topics.fisher.figure import fisher_figure
from tunescope_analysis.topics.fisher.runs import default_runs, fisher_measures_of, settings_sentence
from tunescope_analysis.topics.fisher.table import (
    component_fisher,
    find_fisher_leaders,
    fisher_by_task,
    fisher_certainty,
    fisher_table,
    rank_components,
)
from tunescope_analysis.topics.fisher.verdict import fisher_bias_verdict, fisher_largest_verdict
from tunescope_analysis.topics.fisher_depth.section import add_depth
from tunescope_analysis.topics.leaders import Finding, certainty_sentence, encoder_sentence
from tunescope_analysis.topics.ratios import output_bias_ratio

MEASURE_HEADINGS = {
    "mean": "Per scalar",
    "sum": "Whole tensor",
    "max": "Largest scalar",
    "share": "Share of the model",
}


def fisher_section(results: Results) -> Section:
    """Fisher maps by every measure, a ranking of components, and the profile over depth."""
    section = Section("fisher", "Fisher information")
    if "fisher" not in results.groups or default_runs(results.fisher).empty:
        section.add_note(f"The file holds no Fisher information, nor the scale of gradients. {RUN_FISHER}")
        return section
    fisher = results.fisher
    maps = {name: fisher_by_task(fisher, name) for name in fisher_measures_of(fisher)}
    section.add_paragraph(
        "Diagonal Fisher information F, the mean over examples of the squared gradient of log p(y|x): mean "
        f"over seeds. {_settings(default_runs(fisher))} What is typical of the tasks is the geometric mean "
        "over them, for tasks differ in scale (our choice). The head is left out of rankings."
    )
    if is_pre_norm(fisher["size"]):
        section.add_note(PRE_NORM)
    section.add(Table("fisher", fisher_table(fisher)), _ranking_table(maps, fisher["size"]))
    named = {name: by_task.assign_attrs(long_name=fisher_label(name)) for name, by_task in maps.items()}
    section.datasets["fisher_by_task"] = xr.Dataset(named)
    largest = None
    for name, by_task in maps.items():
        finding = find_fisher_leaders(by_task, fisher["size"])
        if finding is None:
            continue
        sentence = _add_measure(section, by_task, finding, _further_sentences(fisher, by_task, finding))
        if name == "mean":
            largest = fisher_largest_verdict(finding, sentence, _count_unmeasured(by_task, fisher["size"]))
            ratio = output_bias_ratio(component_fisher(by_task, fisher["size"]))
            section.add_finding(fisher_bias_verdict(ratio))
    deeper = add_depth(section, fisher)
    section.add_verdicts(largest, deeper)
    if deeper is not None:
        section.add_verdicts(add_scales(section, fisher, premises=(largest, deeper)))
    return section


def fisher_sentence(finding: Finding, label: str, task: str | None = None) -> str:
    """Which component is first by a measure, and whether it is output LayerNorm as in the paper."""
    measure = fisher_label(finding.measure)
    claim = (
        "as in the paper"
        if is_output_layernorm(finding.component)
        else "not output LayerNorm as in the paper"
    )
    value = share(finding.value) if finding.measure == "share" else scientific(finding.value)
    where = f"on {task}" if task else "typical of the tasks"
    leads = "" if task else (
        f" A LayerNorm tensor leads on {finding.layernorm_tasks} of {finding.tasks} tasks, one of output "
        f"LayerNorm on {finding.output_layernorm_tasks}."
    )  # fmt: skip
    return f"By {measure}, {label} is first ({value} {where}), {claim}.{leads}"


def _settings(runs: pd.DataFrame) -> str:
    """The settings of the maps, and how many seeds are behind them."""
    seeds = runs.groupby("task")["seed"].nunique().max()
    known = f"{plural(int(seeds), 'seed')} per task." if seeds == 1 else f"Up to {int(seeds)} seeds per task."
    return f"{settings_sentence('Setting', runs)} {known}"


def _further_sentences(fisher: xr.Dataset, by_task: xr.DataArray, finding: Finding) -> str:
    """How sure the first place is, by the main measure, and which component is first in the encoder."""
    shares = fisher_certainty(fisher, default_runs(fisher)) if finding.measure == "mean" else None
    encoder = encoder_sentence(find_fisher_leaders(numbered_layers(by_task), fisher["size"]))
    return " ".join(filter(None, (certainty_sentence(shares, finding.component), encoder)))


def _count_unmeasured(by_task: xr.DataArray, size: xr.DataArray) -> int:
    """How many tensors lack a number on some task."""
    return int(without_head((size > 0) & by_task.isnull().any("task")).sum())


def _add_measure(section: Section, by_task: xr.DataArray, finding: Finding, more: str) -> str:
    """Add the map of one measure; returns what it shows, in words, with `more` after it."""
    only = str(by_task["task"].values[0]) if by_task.sizes["task"] == 1 else None
    sentence = fisher_sentence(finding, _label(by_task, finding.component), only)
    section.add(Subheading(fisher_label(finding.measure, capital=True)))
    whole = f"{sentence} {more}".rstrip()
    section.add_paragraph(whole)
    alt = f"Heat map, component by layer, one panel per task. {sentence}"
    section.add(Picture(f"fisher_map_{finding.measure}", partial(fisher_figure, by_task), alt))
    return whole


def _ranking_table(maps: dict[str, xr.DataArray], size: xr.DataArray) -> Table:
    """Components by `mean`, with their value and place by every measure."""
    rankings = {name: rank_components(by_task, size) for name, by_task in maps.items()}
    frame = pd.DataFrame(rankings)
    places = frame.rank(ascending=False, method="min")
    frame = frame.join(places.add_suffix("_rank")).sort_values(f"{next(iter(maps))}_rank", kind="stable")
    scalars = without_head(size).sum("layer").to_series()
    frame.insert(0, "size", scalars.reindex(frame.index))
    by_task = next(iter(maps.values()))
    rows = [
        [Cell(_label(by_task, str(name)), is_best=is_layernorm(str(name))), Cell(count(row["size"])),
         *(_ranked_cell(row, measure) for measure in maps)]
        for name, row in frame.iterrows()
    ]  # fmt: skip
    headings = [Heading("Component", is_number=False), Heading("Scalars"),
                *(Heading(MEASURE_HEADINGS.get(n, n), note="value, place") for n in maps)]  # fmt: skip
    frame = frame.rename_axis("component").reset_index()
    return Table(
        "fisher_ranking", frame, headings, rows, "Fisher information of components over all their layers."
    )


def _ranked_cell(row: pd.Series, measure: str) -> Cell:
    value = row[measure]
    text = share(value) if measure == "share" else scientific(value)
    rank = row[f"{measure}_rank"]
    return Cell(text, note="" if pd.isna(rank) else f"{int(rank)}.", is_best=rank == 1)


def _label(by_task: xr.DataArray, component: str) -> str:
    return component_label(component, layers_of(by_task, component))
