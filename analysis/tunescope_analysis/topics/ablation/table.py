"""Scores of trained models of which a group of scalars was put back, or alone left as trained."""

import numpy as np
import pandas as pd

from tunescope_analysis.io.columns import column_frame
from tunescope_analysis.io.results import Results
from tunescope_analysis.topics.scores.table import best_trials

RESET, TRANSPLANT = "reset", "transplant"
HEAD = "head"  # reset: nothing is put back; transplanted: everything but the head is
LEAST_GAIN = 0.02  # of a score by training the model below the head, to divide by it: our choice
COLUMNS = ["task", "method", "group", "seed", "scalars", "whole", "pretrained", RESET, TRANSPLANT]
SHARES = ["lost", "kept"]


def ablation_scores(results: Results) -> pd.DataFrame:
    """A row per ablated trial, at the best rate of its task and method, and group; empty without any.

    `whole` is the score of the trained model, `pretrained` that of the pre-trained model under its trained
    head, `reset` and `transplant` those with the group put back and with all but the group put back.
    `lost` and `kept` are what the model loses without the group's change and what the group's change alone
    keeps, as shares of `whole` − `pretrained`; NaN where that is below `LEAST_GAIN`.
    """
    if "ablation" not in results.groups:
        return pd.DataFrame(columns=[*COLUMNS, *SHARES])
    rows = column_frame(results.dataset("ablation"), "row")
    scores = rows.pivot(index=["id", "group", "scalars"], columns="kind", values="score").reset_index()
    scores = scores.reindex(columns=["id", "group", "scalars", RESET, TRANSPLANT])
    ends = scores[scores["group"] == HEAD].rename(columns={RESET: "whole", TRANSPLANT: "pretrained"})
    trials = best_trials(results.trials)[["id", "task", "method", "seed"]]
    table = (
        scores[scores["group"] != HEAD]
        .merge(ends[["id", "whole", "pretrained"]], on="id")
        .merge(trials, on="id")
    )
    gain = table["whole"] - table["pretrained"]
    gain = gain.where(gain >= LEAST_GAIN, np.nan)
    table["lost"] = (table["whole"] - table[RESET]) / gain
    table["kept"] = (table[TRANSPLANT] - table["pretrained"]) / gain
    return table[[*COLUMNS, *SHARES]]


def by_task(scores: pd.DataFrame) -> pd.DataFrame:
    """Means over seeds: a row per task, method and group, in the order of the file."""
    keys = ["task", "method", "group"]
    means = scores.groupby(keys, sort=False)[[*COLUMNS[4:], *SHARES]].mean()
    return means.assign(seeds=scores.groupby(keys, sort=False).size()).reset_index()
