"""A trial as dashboards know it: settings, values over steps, and what came out."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from tunescope_analysis.io.columns import column_frame, trial_frame
from tunescope_analysis.io.results import Results

SETTINGS = (
    "task", "method", "learning_rate", "seed", "train_examples", "dev_examples", "trainable_parameters",
    "total_parameters", "precision", "device", "hostname", "threads",
)  # fmt: skip
OUTCOMES = ("score", "selection_score", "final_score", "best_step", "steps", "wall_seconds")
SERIES = {"history": "train", "evaluations": "dev"}  # groups of the file, by what dashboards call them


@dataclass(frozen=True)
class TrialRun:
    """One trial; a value that the file does not have (NaN) is left out."""

    id: str
    name: str  # what readers see: task, method, learning rate and seed
    state: str  # done, diverged or failed
    error: str
    settings: dict[str, str | int | float]
    steps: dict[int, dict[str, float]]  # values such as dev/accuracy by step, in ascending order
    outcomes: dict[str, float]


def time_of(results: Results) -> float:
    """When the file was written, in seconds since 1970: steps have no times of their own."""
    return datetime.fromisoformat(results.attributes.created).astimezone(UTC).timestamp()


def trial_runs(results: Results) -> Iterator[TrialRun]:
    """Every trial of a file, in its order."""
    rows = {prefix: _rows_by_trial(results, group) for group, prefix in SERIES.items()}
    for place, row in enumerate(trial_frame(results.trials).to_dict("records")):
        yield TrialRun(
            id=row["id"],
            name=f"{row['task']} {row['method']} {row['learning_rate']:g} seed {row['seed']}",
            state=row["state"],
            error=row["error"],
            settings={name: row[name] for name in SETTINGS if name in row},
            steps=_values_by_step({prefix: own[place] for prefix, own in rows.items() if place in own}),
            outcomes={name: float(row[name]) for name in OUTCOMES if np.isfinite(row.get(name, np.nan))},
        )


def _rows_by_trial(results: Results, group: str) -> dict[Any, pd.DataFrame]:
    if group not in results.groups:
        return {}
    return dict(iter(column_frame(results.dataset(group), "row").groupby("trial")))


def _values_by_step(rows: dict[str, pd.DataFrame]) -> dict[int, dict[str, float]]:
    steps: dict[int, dict[str, float]] = {}
    for prefix, table in rows.items():
        for row in table.drop(columns="trial").to_dict("records"):
            values = {f"{prefix}/{name}": float(value) for name, value in row.items() if np.isfinite(value)}
            del values[f"{prefix}/step"]
            steps.setdefault(int(row["step"]), {}).update(values)
    return dict(sorted(steps.items()))
