"""The optimism of choosing on the examples that are reported."""

import numpy as np
import pandas as pd

from tunescope_analysis.io.columns import column_frame, trial_frame
from tunescope_analysis.io.results import Results
from tunescope_analysis.io.selection import ON_DEV
from tunescope_analysis.topics.scores.table import at_best_rate, order_rows

PAIR = ["task", "method"]
COLUMNS = [*PAIR, "runs", "evaluations", "examples", "chosen_on_reported", "chosen_apart", "optimism"]


def optimism_table(results: Results) -> pd.DataFrame:
    """A row per task and method of trials whose step and rate were chosen on other examples than reported.

    `chosen_apart` is their mean score over seeds, `chosen_on_reported` what it would be if the reported
    `examples` had chosen the step of each run and the learning rate, among `runs` finished trials with so
    many `evaluations`; `optimism` is the difference. Empty without such trials or without evaluations.
    """
    frame = trial_frame(results.trials)
    frame = frame[frame["selection"] != ON_DEV]
    if frame.empty or "evaluations" not in results.groups:
        return pd.DataFrame(columns=COLUMNS)
    reported = _reported_scores(results, frame)
    frame = frame.assign(on_reported=reported.groupby("trial").max()).astype({"on_reported": float})
    apart = at_best_rate(frame, "selection_score").groupby(PAIR)["score"].mean()
    on_reported = at_best_rate(frame, "on_reported").groupby(PAIR)["on_reported"].mean()
    done = frame[frame["state"] == "done"]
    table = pd.DataFrame(
        {
            "runs": done.groupby(PAIR).size(),
            "evaluations": done.assign(evaluations=reported.groupby("trial").size())
            .groupby(PAIR)["evaluations"]
            .sum(),
            "examples": done.groupby(PAIR)["dev_examples"].max(),
            "chosen_on_reported": on_reported,
            "chosen_apart": apart,
            "trainable_parameters": done.groupby(PAIR)["trainable_parameters"].median(),
        }
    ).dropna(subset=["chosen_on_reported", "chosen_apart"])
    table = table.assign(optimism=table["chosen_on_reported"] - table["chosen_apart"]).reset_index()
    return order_rows(table)[COLUMNS]


def _reported_scores(results: Results, frame: pd.DataFrame) -> pd.Series:
    """The primary metric on the reported examples at every evaluation of these trials, by `trial`."""
    rows = column_frame(results.evaluations, "row").set_index("trial")
    rows = rows[rows.index.isin(frame.index)]
    metrics = frame["metric"].reindex(rows.index)
    values = [rows[metric].iloc[place] if metric in rows else np.nan for place, metric in enumerate(metrics)]
    return pd.Series(values, index=rows.index, dtype=float)
