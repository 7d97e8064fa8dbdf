"""Agreement of all pairs of Fisher runs of a task, by what differs between the two."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from tunescope_analysis.io.results import Results
from tunescope_analysis.io.tensor_maps import without_head
from tunescope_analysis.io.vocabulary import has_no_gradient, is_layernorm, order_tasks
from tunescope_analysis.stats.rank_agreement import AGREEMENTS, TOP_FRACTION, pairwise_agreement
from tunescope_analysis.topics.fisher.runs import default_runs, run_frame

SETTING_FACTORS = ("batch_size", "examples", "point", "mode", "seed", "at", "learning_rate")
SEVERAL_FACTORS = "several"
NO_FACTOR = "nothing"
RANKED_LEVELS = {"scalar": "scalars of LayerNorm", "tensor": "tensors"}


@dataclass(frozen=True)
class Ranked:
    """What is ranked: `values` `[run, item]` of the runs numbered `runs`; items are scalars or tensors."""

    level: str
    runs: list[int]
    values: np.ndarray


def pair_table(results: Results) -> pd.DataFrame:
    """A row for each level, task and pair of its runs: the runs, what `differs`, both values, the agreement.

    `differs` is the one factor of `FACTORS` in which the settings differ, `several` or `nothing`. Items are
    those that all compared runs of the task have.
    """
    frame = run_frame(results.fisher)
    rows = [
        _label_pairs(frame.loc[ranked.runs], ranked)
        for task in order_tasks(frame["task"])
        for ranked in _rankings(results, frame[frame["task"] == task])
        if len(ranked.runs) > 1 and ranked.values.shape[1] > 1
    ]
    columns = ["level", "task", "items", "first_id", "second_id", "first_run", "second_run", "differs",
               "first_value", "second_value", *AGREEMENTS]  # fmt: skip
    return pd.concat(rows, ignore_index=True)[columns] if rows else pd.DataFrame(columns=columns)


def summarize_pairs(pairs: pd.DataFrame) -> pd.DataFrame:
    """Mean agreement by level, differing factor and the two values, with `pairs` and the least Spearman.

    Pairs that differ in seed, in several settings or in nothing are one row each.
    """
    keys = ["level", "differs", "first_value", "second_value"]
    if pairs.empty:
        return pd.DataFrame(columns=[*keys, *AGREEMENTS, "pairs", "least_spearman"])
    is_pooled = pairs["differs"].isin(["seed", SEVERAL_FACTORS, NO_FACTOR])
    shown = pairs.assign(**{name: pairs[name].mask(is_pooled, "") for name in keys[2:]})
    groups = shown.groupby(keys, sort=False)
    table = (
        groups[list(AGREEMENTS)].mean().assign(pairs=groups.size(), least_spearman=groups["spearman"].min())
    )
    places = {name: place for place, name in enumerate((*SETTING_FACTORS, SEVERAL_FACTORS, NO_FACTOR))}
    return table.reset_index().sort_values(["level", "differs"], key=lambda c: c.map(places).fillna(0),
                                           kind="stable", ignore_index=True)  # fmt: skip


def agreement_with_reference(pairs: pd.DataFrame, fisher: xr.Dataset) -> pd.DataFrame:
    """Agreement with the reference setting, mean over seeds: a row per level, task, factor and its value.

    The reference of a task is the setting of `default_runs`; one run of each pair has it, the other differs
    in the factor alone. For factor `seed` both have it, and `value` is empty.
    """
    reference = set(default_runs(fisher).index)
    is_first, is_second = pairs["first_run"].isin(reference), pairs["second_run"].isin(reference)
    is_seed = pairs["differs"] == "seed"
    is_wanted = (is_first ^ is_second) & ~is_seed | (is_seed & is_first & is_second)
    chosen = pairs[pairs["differs"].isin(SETTING_FACTORS) & is_wanted]
    other = chosen["second_value"].where(chosen["first_run"].isin(reference), chosen["first_value"])
    own = chosen["first_value"].where(chosen["first_run"].isin(reference), chosen["second_value"])
    pooled = chosen["differs"] == "seed"
    chosen = chosen.assign(value=other.mask(pooled, ""), reference=own.mask(pooled, ""))
    keys = ["level", "task", "differs", "reference", "value"]
    groups = chosen.groupby(keys, sort=False)
    return groups[list(AGREEMENTS)].mean().assign(pairs=groups.size()).reset_index()


def differing_factor(first: pd.Series, second: pd.Series) -> str:
    """The one setting in which two runs differ, `several`, or `nothing`.

    The learning rate counts only between trainings of the same method: another method has its own.
    """
    factors = [name for name in SETTING_FACTORS if name in first.index and first[name] != second[name]]
    if "at" in factors and "learning_rate" in factors:
        factors.remove("learning_rate")
    return factors[0] if len(factors) == 1 else SEVERAL_FACTORS if factors else NO_FACTOR


def setting_text(value: object) -> str:
    """A setting's value as text: numbers as short as can be."""
    return f"{value:g}" if isinstance(value, int | float | np.integer | np.floating) else str(value)


def _rankings(results: Results, runs: pd.DataFrame) -> Iterator[Ranked]:
    """What can be compared between the runs of one task, scalars first."""
    kept = set(results.members("fisher_parameters"))
    with_scalars = [run for run in runs.index if runs.loc[run, "id"] in kept]
    if len(with_scalars) > 1:
        scalars = results.fisher_scalars([str(runs.loc[run, "id"]) for run in with_scalars], is_layernorm)
        yield Ranked("scalar", with_scalars, scalars[:, np.isfinite(scalars).all(axis=0)])
    with_maps = [run for run in runs.index if runs.loc[run, "cells"] > 0]
    yield Ranked("tensor", with_maps, _cells(results.fisher, with_maps))


def _cells(fisher: xr.Dataset, runs: list[int]) -> np.ndarray:
    """Fisher information per scalar of every tensor that all runs measured: `[run, item]`.

    Without the head, and without key biases, which have no gradient but rounding errors.
    """
    values = fisher["mean"].isel(run=runs).transpose("run", "layer", "component")
    is_seen = [not has_no_gradient(str(name)) for name in values["component"].values]
    values = without_head(values).isel(component=is_seen)
    flat = values.values.reshape(len(runs), -1)
    return flat[:, np.isfinite(flat).all(axis=0)]


def _label_pairs(runs: pd.DataFrame, ranked: Ranked) -> pd.DataFrame:
    pairs, measures = pairwise_agreement(ranked.values, TOP_FRACTION)
    records = [row for _, row in runs.iterrows()]
    first, second = [records[i] for i in pairs[:, 0]], [records[i] for i in pairs[:, 1]]
    differs = [differing_factor(a, b) for a, b in zip(first, second, strict=True)]
    values = [
        tuple(setting_text(run[name]) if name in SETTING_FACTORS else "" for run in (a, b))
        for a, b, name in zip(first, second, differs, strict=True)
    ]
    ordered = [sorted(pair, key=setting_order) for pair in values]
    is_swapped = [list(pair) != in_order for pair, in_order in zip(values, ordered, strict=True)]
    numbers = np.array([[a.name, b.name] for a, b in zip(first, second, strict=True)]).reshape(-1, 2)
    numbers[np.array(is_swapped, bool)] = numbers[np.array(is_swapped, bool)][:, ::-1]
    ids = dict(zip(runs.index, runs["id"], strict=True))
    return pd.DataFrame(measures).assign(
        level=ranked.level,
        task=runs["task"].iloc[0],
        items=ranked.values.shape[1],
        first_run=numbers[:, 0],
        second_run=numbers[:, 1],
        first_id=[ids[run] for run in numbers[:, 0]],
        second_id=[ids[run] for run in numbers[:, 1]],
        differs=differs,
        first_value=[pair[0] for pair in ordered],
        second_value=[pair[1] for pair in ordered],
    )


def setting_order(text: str) -> tuple[float, str]:
    """Numbers by size, then words by the alphabet."""
    try:
        return float(text), ""
    except ValueError:
        return np.inf, text
