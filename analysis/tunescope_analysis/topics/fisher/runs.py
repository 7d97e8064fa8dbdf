"""The Fisher runs of a file, and those that maps and rankings are made of."""

from collections.abc import Mapping

import pandas as pd
import xarray as xr

from tunescope_analysis.io.columns import column_frame
from tunescope_analysis.io.vocabulary import order_tasks
from tunescope_analysis.report.labels import FISHER_MEASURES

LABEL_MODES = ("empirical", "true", "hutchinson", "sampled")


def fisher_measures_of(fisher: xr.Dataset) -> list[str]:
    """The measures that the dataset holds, in the schema's order."""
    return [measure for measure in FISHER_MEASURES if measure in fisher]


def run_frame(fisher: xr.Dataset) -> pd.DataFrame:
    """The Fisher runs as a frame, a row per run, indexed by its number; `cells` counts measured tensors."""
    frame = column_frame(fisher, "run")
    measures = fisher_measures_of(fisher)
    cells = fisher[measures[0]].notnull().sum(["layer", "component"]).values if measures else 0
    return frame.assign(cells=cells)


def default_runs(fisher: xr.Dataset) -> pd.DataFrame:
    """The runs behind the maps: for each task those of one setting, a row per seed.

    Of several settings the one that defines Fisher information best is taken (our choice), in this order:
    most tensors measured, batch size 1, given labels before the model's own, weights of full fine-tuning,
    the latest point in training, most examples.
    """
    frame = run_frame(fisher)
    frame = frame[frame["cells"] > 0]
    if frame.empty:
        return frame
    places = {mode: place for place, mode in enumerate(LABEL_MODES)}
    preference = pd.DataFrame(
        {
            "task": frame["task"],
            "cells": -frame["cells"],
            "batch_size": frame["batch_size"],
            "mode": frame["mode"].map(places).fillna(len(LABEL_MODES)),
            "at": frame["at"] != "full",
            "at_name": frame["at"],
            "point": -frame["point"],
            "examples": -frame["examples"],
        }
    )
    best = preference.sort_values(list(preference.columns), kind="stable").groupby("task").head(1)
    keys = pd.MultiIndex.from_frame(preference)
    return frame[keys.isin(pd.MultiIndex.from_frame(best))].sort_values(["task", "seed"], kind="stable")


def setting_sentence(run: Mapping[str, object]) -> str:
    """The setting of a Fisher run in words."""
    point = float(run["point"])  # type: ignore[arg-type]
    when = "after" if point == 1 else "before" if point == 0 else f"after {point:.0%} of"
    precision = run.get("precision", "float32")  # earlier programs wrote none
    products = "" if precision == "float32" else f", products in {precision}"
    return (
        f"batch size {run['batch_size']}, {run['examples']:,} examples, {labels_of(run)}, {when} "
        f"training by {run['at']}{products}"
    )


def labels_of(run: Mapping[str, object]) -> str:
    """Which labels a Fisher run averages over, in words."""
    if run["mode"] != "hutchinson":
        return f"{run['mode']} labels"
    draws = int(run["draws"])  # type: ignore[call-overload]
    return f"true labels estimated by {draws} draw{'' if draws == 1 else 's'} of signs"


def settings_sentence(start: str, runs: pd.DataFrame) -> str:
    """The settings of Fisher runs in words: one sentence if all tasks have the same, else one per task."""
    first = runs.groupby("task", sort=False).head(1).set_index("task")
    texts = {task: setting_sentence(first.loc[task]) for task in order_tasks(first.index)}
    if len(set(texts.values())) == 1:
        return f"{start}: {next(iter(texts.values()))}."
    return " ".join(f"{start} of {task}: {text}." for task, text in texts.items())
