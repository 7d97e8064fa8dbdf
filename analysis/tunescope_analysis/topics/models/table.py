"""The same components in several models."""

from collections.abc import Mapping

import pandas as pd

from tunescope_analysis.io.results import Results
from tunescope_analysis.io.roles import FORWARD_ORDER
from tunescope_analysis.topics.change.table import (
    change_by_task,
    component_ranking,
    mean_over_tasks,
    method_for_change,
)
from tunescope_analysis.topics.fisher.runs import default_runs
from tunescope_analysis.topics.fisher.table import fisher_by_task, rank_components

QUANTITIES = {"change": "mean absolute change", "fisher": "Fisher information per scalar"}
COLUMNS = ["quantity", "component", "file", "value", "relative", "place"]


def component_levels(files: Mapping[str, Results]) -> pd.DataFrame:
    """How far each component of each file moved, and its Fisher information per scalar: a row each.

    `value` is what ranks components in a file's own report: mean absolute change, its mean over tasks and
    layers, and what is typical of the tasks. `relative` is its part of the file's largest, for models differ
    in scale; `place` is its rank. Components are in the order of a forward pass. The head is left out.
    """
    rankings = {
        (quantity, name): ranking
        for name, results in files.items()
        for quantity, ranking in (("change", _change(results)), ("fisher", _fisher(results)))
    }
    rows = [
        {
            "quantity": quantity,
            "component": str(component),
            "file": name,
            "value": value,
            "relative": value / ranking.iloc[0],
            "place": place,
        }
        for (quantity, name), ranking in rankings.items()
        for place, (component, value) in enumerate(ranking.items(), 1)
    ]
    table = pd.DataFrame(rows, columns=COLUMNS)
    order = {name: place for place, name in enumerate(FORWARD_ORDER)}
    table["order"] = table["component"].map(order).fillna(len(order))
    return (
        table.sort_values(["quantity", "order"], kind="stable").drop(columns="order").reset_index(drop=True)
    )


def _change(results: Results) -> pd.Series:
    method = method_for_change(results.trials) if "change" in results.groups else None
    if method is None or "mean_abs" not in results.change:
        return pd.Series(dtype=float)
    by_task = change_by_task(results.change, results.trials, "mean_abs", method)
    return component_ranking(mean_over_tasks(by_task))


def _fisher(results: Results) -> pd.Series:
    if "fisher" not in results.groups or default_runs(results.fisher).empty:
        return pd.Series(dtype=float)
    return rank_components(fisher_by_task(results.fisher, "mean"), results.fisher["size"])
