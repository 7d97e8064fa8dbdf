"""Published figures beside ours, if the model is the same."""

from functools import cache
from importlib import resources

import numpy as np
import pandas as pd

from tunescope_analysis.io.model import model_name
from tunescope_analysis.io.results import Results, head_size
from tunescope_analysis.topics.parameters.table import average_table
from tunescope_analysis.topics.scores.table import best_trials

SHARE_FIGURE = "share"  # of parameters that a method trains, the head left out
PUBLISHED_COLUMNS = [
    "method",
    "task",
    "figure",
    "ours",
    "standard_deviation",
    "seeds",
    "published",
    "printed",
    "source",
]


@cache
def published_figures() -> pd.DataFrame:
    """What `data/published.csv` holds: `model`, `method`, `task`, `figure`, `printed`, `source`.

    `figure` is a metric on the dev set, or `share`, which has no task; `printed` is the source's text, × 100.
    """
    with resources.files("tunescope_analysis").joinpath("data/published.csv").open(encoding="utf-8") as file:
        return pd.read_csv(file, keep_default_na=False, dtype=str)


def published_table(results: Results) -> pd.DataFrame:
    """Published figures of the file's model that the file has a number for, as fractions, a row per figure.

    `ours` is the mean over the seeds of the best learning rate, with its `standard_deviation`.
    """
    known = published_figures()
    known = known[known["model"] == model_name(results)]
    rows = [{**row, **_ours(results, row), "published": float(row["printed"]) / 100}
            for row in known.to_dict("records")]  # fmt: skip
    table = pd.DataFrame(rows, columns=PUBLISHED_COLUMNS)
    return table[table["ours"].notna()].reset_index(drop=True)


def _ours(results: Results, row: dict[str, str]) -> dict[str, float]:
    if row["figure"] == SHARE_FIGURE:
        averages = average_table(results.trials, head_size(results))
        shares = averages.loc[averages["method"] == row["method"], "share_without_head"]
        return {"ours": shares.mean(), "standard_deviation": np.nan, "seeds": np.nan}
    best = best_trials(results.trials)
    own = best[(best["task"] == row["task"]) & (best["method"] == row["method"])]
    scores = results.scores["best"].sel(metric=row["figure"]).values[own.index.to_numpy(int)]
    values = pd.Series(scores, dtype=float).dropna()
    return {"ours": values.mean(), "standard_deviation": values.std(), "seeds": len(values)}
