"""Where the Fisher information is: maps, rankings by each normalisation, the profile over depth."""

import pandas as pd
import xarray as xr

from tunescope_analysis.certainty import fisher_certainty
from tunescope_analysis.change import Finding
from tunescope_analysis.figures.fisher import depth_figure
from tunescope_analysis.figures.maps import fisher_figure
from tunescope_analysis.fisher import (
    STEADY,
    default_runs,
    depth_correlation,
    depth_profile,
    find_fisher_leaders,
    fisher_by_task,
    fisher_measures_of,
    fisher_table,
    rank_components,
)
from tunescope_analysis.io.results import Results
from tunescope_analysis.io.tensor_maps import layers_of, numbered_layers, without_head
from tunescope_analysis.io.vocabulary import is_layernorm, is_output_layernorm, order_tasks
from tunescope_analysis.labels import component_label, fisher_label, settings_sentence
from tunescope_analysis.parts.change import FEWEST_TASKS, certainty_sentence, encoder_sentence, ruling_on_most
from tunescope_analysis.parts.depth_scales import add_scales
from tunescope_analysis.parts.numbers import count, fixed, plural, scientific, share
from tunescope_analysis.parts.part import (
    NOT_DECIDABLE,
    SUPPORTED,
    Cell,
    Heading,
    Part,
    Picture,
    Subheading,
    Table,
    Verdict,
)
from tunescope_analysis.stats.correlation import MIN_PLACES

FEWEST_LAYERS = 6  # our choice: that many in random order reach a correlation of 0.5 in 15 % of cases
NEEDED = "Run `tunescope fisher JOB`, or a sweep with a method such as `fisher:fraction=0.2`."
SHORT = {"mean": "Per scalar", "sum": "Whole tensor", "max": "Largest scalar", "share": "Share of the model"}


def fisher_part(results: Results) -> Part:
    """Fisher maps by every measure, a ranking of components, and the profile over depth."""
    part = Part("fisher", "Fisher information")
    if "fisher" not in results.groups or default_runs(results.fisher).empty:
        part.note(f"The file holds no Fisher information, nor the scale of gradients. {NEEDED}")
        return part
    fisher = results.fisher
    maps = {name: fisher_by_task(fisher, name) for name in fisher_measures_of(fisher)}
    part.say(
        "Diagonal Fisher information F, the mean over examples of the squared gradient of log p(y|x): mean "
        f"over seeds. {_settings(default_runs(fisher))} What is typical of the tasks is the geometric mean "
        "over them, for tasks differ in scale (our choice). The head is left out of rankings."
    )
    part.add(Table("fisher", fisher_table(fisher)), _ranking_table(maps, fisher["size"]))
    named = {name: by_task.assign_attrs(long_name=fisher_label(name)) for name, by_task in maps.items()}
    part.datasets["fisher_by_task"] = xr.Dataset(named)
    for name, by_task in maps.items():
        finding = find_fisher_leaders(by_task, fisher["size"])
        if finding is not None:
            shares = fisher_certainty(fisher, default_runs(fisher)) if name == "mean" else None
            encoder = encoder_sentence(find_fisher_leaders(numbered_layers(by_task), fisher["size"]))
            more = " ".join(filter(None, (certainty_sentence(shares, finding.component), encoder)))
            _add_measure(part, by_task, fisher["size"], finding, more)
    _add_depth(part, fisher)
    return part


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
    known = f"{plural(int(seeds), 'seed')} a task." if seeds == 1 else f"Up to {int(seeds)} seeds a task."
    return f"{settings_sentence('Setting', runs)} {known}"


def _add_measure(part: Part, by_task: xr.DataArray, size: xr.DataArray, finding: Finding, more: str) -> None:
    only = str(by_task["task"].values[0]) if by_task.sizes["task"] == 1 else None
    sentence = fisher_sentence(finding, _label(by_task, finding.component), only)
    part.add(Subheading(fisher_label(finding.measure, capital=True)))
    part.say(f"{sentence} {more}".rstrip())
    alt = f"Heat map, component by layer, a panel a task. {sentence}"
    part.add(Picture(f"fisher_map_{finding.measure}", fisher_figure(by_task), alt))
    if finding.measure == "mean":
        holds = is_output_layernorm(finding.component) and 2 * finding.output_layernorm_tasks > finding.tasks
        ruling, reason = ruling_on_most(finding.tasks, holds), f"{sentence} {more}".rstrip()
        unmeasured = int(without_head((size > 0) & by_task.isnull().any("task")).sum())
        if unmeasured and ruling == SUPPORTED:
            ruling = NOT_DECIDABLE
            reason += (
                f" But of {plural(unmeasured, 'tensor')} there is no number on every task: run "
                "`tunescope fisher` with `[fisher] parameters = all`."
            )
        part.verdicts.append(Verdict("fisher-largest", ruling, reason, "fisher_map_mean"))


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
                *(Heading(SHORT.get(name, name), note="value, place") for name in maps)]  # fmt: skip
    frame = frame.rename_axis("component").reset_index()
    return Table(
        "fisher_ranking", frame, headings, rows, "Fisher information of components over all their layers."
    )


def _ranked_cell(row: pd.Series, measure: str) -> Cell:
    value = row[measure]
    text = share(value) if measure == "share" else scientific(value)
    rank = row[f"{measure}_rank"]
    return Cell(text, note="" if pd.isna(rank) else f"{int(rank)}.", is_best=rank == 1)


def _add_depth(part: Part, fisher: xr.Dataset) -> None:
    profile = depth_profile(fisher)
    part.add(Subheading("Over depth"))
    if not profile.size:
        part.note(
            "The file has no numbered layers with Fisher information, so there is no profile over depth."
        )
        return
    table = depth_correlation(profile)
    sentence = depth_sentence(table)
    part.say(sentence)
    part.add(
        _depth_table(table),
        Table("fisher_depth", profile.to_series().dropna().rename("fisher").reset_index()),
        Picture("fisher_depth", depth_figure(profile, "Fisher information per scalar"),
                f"Lines over layers, a panel a task. {sentence}"),
    )  # fmt: skip
    words = "Fisher information per scalar"
    part.datasets["fisher_depth"] = profile.assign_attrs(long_name=words).to_dataset(name="fisher")
    part.verdicts.append(_depth_verdict(table, sentence))
    add_scales(part, fisher, stand_out=all(verdict.ruling == SUPPORTED for verdict in part.verdicts))


def _depth_table(table: pd.DataFrame) -> Table:
    """A row a task, a column a group of tensors."""
    wide = table.pivot(index="task", columns="part", values="spearman")
    parts = list(dict.fromkeys(table["part"]))
    named = [Heading("all tensors" if name == "all" else name) for name in parts]
    rows = [[Cell(task), *(Cell(fixed(wide.loc[task, name])) for name in parts)]
            for task in order_tasks(table["task"])]  # fmt: skip
    caption = f"Spearman's correlation of layer and Fisher information over {table['layers'].max()} layers."
    return Table("fisher_depth_correlation", table, [Heading("Task", is_number=False), *named], rows, caption)


def depth_sentence(table: pd.DataFrame) -> str:
    """On how many tasks later layers have more, for each group of tensors."""
    if table["spearman"].isna().all():
        return f"The layers are too few, or all alike, to say: {MIN_PLACES} are needed."
    sentences = []
    for part, group in table.groupby("part", sort=False):
        rho = group["spearman"].dropna()
        tensors = "all tensors" if part == "all" else str(part)
        if rho.empty:
            sentences.append(f"For {tensors} the layers are too few, or all alike, to say.")
            continue
        sentences.append(
            f"In {tensors} later layers have more Fisher information on {int((rho > 0).sum())} of "
            f"{plural(len(rho), 'task')} (Spearman of layer and Fisher information: median "
            f"{fixed(rho.median())})."
        )
    return " ".join(sentences)


def _depth_verdict(table: pd.DataFrame, sentence: str) -> Verdict:
    """Of so few layers as below `FEWEST_LAYERS` many orders have as high a correlation by chance."""
    asked = "LayerNorm" if (table["part"] == "LayerNorm").any() else "all"
    known = table[(table["part"] == asked) & (table["layers"] >= FEWEST_LAYERS)].dropna(subset="spearman")
    rho = known["spearman"]
    if len(rho) < FEWEST_TASKS:
        sentence += f" A verdict needs {FEWEST_TASKS} tasks, of models with {FEWEST_LAYERS} layers or more."
    holds = bool(rho.median() >= STEADY and 2 * (rho > 0).sum() > len(rho))
    return Verdict("fisher-depth", ruling_on_most(len(rho), holds), sentence, "fisher_depth")


def _label(by_task: xr.DataArray, component: str) -> str:
    return component_label(component, layers_of(by_task, component))
