"""Added tensors: their change, that of the weight they are added to, and their Fisher information."""

import numpy as np
import pandas as pd

from tunescope_analysis.io.added import MATRIX_OF, MERGED_KINDS, added_frame
from tunescope_analysis.io.results import Results
from tunescope_analysis.io.vocabulary import REFERENCE_METHOD, order_tasks
from tunescope_analysis.topics.change.table import change_by_task
from tunescope_analysis.topics.fisher.runs import default_runs
from tunescope_analysis.topics.scores.table import best_trials

TENSOR = ["method", "task", "layer", "target", "weight", "kind", "size"]
MEASURES = ["change", "merged", "full", "fisher"]


def added_table(results: Results) -> pd.DataFrame:
    """A row per method, task, layer, target and kind of added tensor: means over seeds; empty without any.

    `change` is ‖θF − θ0‖ / ‖θ0‖. B begins with zeros, so its root-mean-square change is divided by the root
    mean square of its A before training (our choice): A and B are then on one scale. So it is with the biases
    of adapters and their matrices. `merged` and `full` are the relative change of the weight, by this method
    with all that it adds merged into it, and by full fine-tuning; adapters change no weight. `fisher` is the
    mean of F over the tensor's scalars. What the file does not have is NaN.
    """
    change, fisher = _change(results), _fisher(results)
    table = change.merge(fisher, on=TENSOR, how="outer")
    if table.empty:
        return table.reindex(columns=[*TENSOR, *MEASURES])
    for column, method in (("merged", None), ("full", REFERENCE_METHOD)):
        changes = pd.Series(_weight_change(results, table, method), index=table.index)
        table[column] = changes.where(table["kind"].isin(MERGED_KINDS))
    tasks = {task: place for place, task in enumerate(order_tasks(table["task"]))}
    places = pd.DataFrame(
        {"method": table["method"], "task": table["task"].map(tasks), "target": table["target"],
         "layer": table["layer"].astype(int), "kind": table["kind"]}
    )  # fmt: skip
    order = places.sort_values(list(places.columns)).index
    return table.loc[order, [*TENSOR, *MEASURES]].reset_index(drop=True)


def over_layers(table: pd.DataFrame) -> pd.DataFrame:
    """A row per method, target and kind: the mean over tasks and layers.

    `merged` and `full` are over the tasks that have both, if any has, so that they can be compared.
    """
    keys = ["method", "target", "kind"]
    means = table.groupby(keys, sort=False)[MEASURES].mean()
    means.update(with_both(table).groupby(keys)[["merged", "full"]].mean())
    return means.reset_index()


def with_both(table: pd.DataFrame) -> pd.DataFrame:
    """The rows whose weight was changed by the method and by full fine-tuning; all rows if there is none."""
    both = table.dropna(subset=["merged", "full"])
    return table if both.empty else both


def _change(results: Results) -> pd.DataFrame:
    chosen = best_trials(results.trials)[["id", "method", "task"]]
    rows = added_frame(results, "added_change", ["rms", "relative_l2"]).merge(chosen, on="id")
    if rows.empty:
        return pd.DataFrame(columns=[*TENSOR, "change"])
    begins_with_zeros = rows["kind"].isin(MATRIX_OF)
    rows["matrix"] = rows["kind"].map(MATRIX_OF)
    place = ["id", "layer", "target", "matrix"]
    before = rows.assign(matrix=rows["kind"], before=rows["rms"] / rows["relative_l2"])
    rows = rows.merge(before[[*place, "before"]], on=place, how="left")
    rows["change"] = np.where(begins_with_zeros, rows["rms"] / rows["before"], rows["relative_l2"])
    return rows.groupby(TENSOR, as_index=False)["change"].mean()


def _fisher(results: Results) -> pd.DataFrame:
    rows = added_frame(results, "added_fisher", ["mean"]).rename(columns={"mean": "fisher"})
    if rows.empty:
        return pd.DataFrame(columns=[*TENSOR, "fisher"])
    is_measured = np.isin(results.fisher["id"].values, rows["id"].unique())
    fisher = results.fisher.isel(run=is_measured)
    methods = pd.unique(fisher["at"].values)
    runs = pd.concat([default_runs(fisher.isel(run=fisher["at"].values == method)) for method in methods])
    chosen = runs[["id", "at", "task"]].rename(columns={"at": "method"})
    return rows.merge(chosen, on="id").groupby(TENSOR, as_index=False)["fisher"].mean()


def _weight_change(results: Results, table: pd.DataFrame, method: str | None) -> list[float]:
    """Of each row's weight, by `method` or by the row's own."""
    maps = {}
    for name in table["method"].unique() if method is None else [method]:
        by_task = change_by_task(results.change, results.trials, "relative_l2", name)
        maps[name] = by_task.to_series().to_dict()
    keys = zip(table["method"], table["task"], table["layer"], table["weight"], strict=True)
    return [maps[own if method is None else method].get(tuple(cell), np.nan) for own, *cell in keys]
