"""Subsets with the largest Fisher information against controls of the same pool and size."""

import pandas as pd
import xarray as xr

from tunescope_analysis.io.columns import trial_frame
from tunescope_analysis.io.vocabulary import order_tasks, parse_method
from tunescope_analysis.stats.hypothesis_tests import holm
from tunescope_analysis.stats.signed_rank import signed_rank
from tunescope_analysis.topics.scores.learned_tasks import learned_by_either
from tunescope_analysis.topics.scores.pairs import paired_scores
from tunescope_analysis.topics.scores.table import score_table

CHOSEN_METHOD, RANDOM_METHOD = "fisher", "random"
DEFAULT_POOL = "layernorm"
CONTROLS = {
    RANDOM_METHOD: "its random control",
    "fisher": "the lowest Fisher information",
    "magnitude": "the largest pre-trained values",
}


def is_chosen(method: str) -> bool:
    """Whether the method trains the scalars of a pool with the largest Fisher information."""
    name, options = parse_method(method)
    return name == CHOSEN_METHOD and "order" not in options


def is_of_pool(method: str, pool: str) -> bool:
    """Whether a method chooses from all layers of a pool."""
    options = parse_method(method)[1]
    return options.get("pool", DEFAULT_POOL) == pool and "layers" not in options


def control_kind(control: str) -> str:
    """Which of `CONTROLS` a control is."""
    return parse_method(control)[0]


def subset_pairs(trials: xr.Dataset) -> list[tuple[str, str]]:
    """Every method `fisher:...` with its controls of the same pool, layers and size, ordered as `CONTROLS`.

    These are `random:...`, `fisher:...,order=lowest` of the same scope, and `magnitude:...`.
    """
    methods = sorted(set(trial_frame(trials)["method"]))
    return [
        (method, control)
        for method in methods
        if is_chosen(method)
        for kind in CONTROLS
        for control in methods
        if _is_control(control, kind)
        and _choice(control) == _choice(method)
        and _is_same_scope(control, method)
    ]


def subset_differences(trials: xr.Dataset) -> pd.DataFrame:
    """A row per pair of methods, task and seed: scores `chosen` and `control_score`, `difference` of the two.

    Tasks on which neither of a pair has learned anything are left out: there all methods are alike.
    """
    frames = []
    table = score_table(trials)
    for chosen, control in subset_pairs(trials):
        learned = learned_by_either(table, chosen, control)
        pairs = paired_scores(trials, chosen, control).rename(
            columns={"first": "chosen", "second": "control_score"}
        )
        frames.append(pairs[pairs["task"].isin(learned)].assign(method=chosen, control=control))
    columns = ["method", "control", "task", "seed", "chosen", "control_score", "difference"]
    return pd.concat(frames, ignore_index=True)[columns] if frames else pd.DataFrame(columns=columns)


def subset_table(differences: pd.DataFrame) -> pd.DataFrame:
    """Mean difference and Wilcoxon's p per pair of methods: a row for all tasks together, then one per task.

    `holm_p` corrects p over the rows of all tasks, and over those of single ones (Holm), for each kind of
    control by itself. `smallest_p` is what
    so many pairs can reach; `better`, `equal`, `worse` count pairs. Pairs of one task share its dev set, so
    the row over all tasks takes them for more independent than they are.
    """
    rows = []
    for (method, control), group in differences.groupby(["method", "control"], sort=False):
        parts = [("all tasks", group)]
        if group["task"].nunique() > 1:
            parts += [(task, group[group["task"] == task]) for task in order_tasks(group["task"])]
        else:
            parts = [(group["task"].iloc[0], group)]
        pair = {"method": method, "control": control}
        rows += [pair | {"task": task} | _compare(part) for task, part in parts]
    columns = ["method", "control", "task", "pairs", "mean_difference", "standard_deviation",
               "better", "equal", "worse", "p", "smallest_p"]  # fmt: skip
    table = pd.DataFrame(rows, columns=columns)
    family = [table["task"] == "all tasks", table["control"].map(control_kind)]
    return table.assign(holm_p=table.groupby(family)["p"].transform(lambda p: holm(p.to_numpy(float))))


def _compare(group: pd.DataFrame) -> dict[str, float]:
    difference = group["difference"].round(12)
    test = signed_rank(difference.to_numpy())
    return {
        "pairs": len(difference),
        "mean_difference": difference.mean(),
        "standard_deviation": difference.std(ddof=1),
        "better": int((difference > 0).sum()),
        "equal": int((difference == 0).sum()),
        "worse": int((difference < 0).sum()),
        "p": test.p,
        "smallest_p": test.smallest,
    }


def _is_control(method: str, kind: str) -> bool:
    name, options = parse_method(method)
    return name == kind and (options.get("order") == "lowest") == (kind == CHOSEN_METHOD)


def _choice(method: str) -> tuple[str, str, float, float]:
    """From what a method chooses, and how much of it."""
    options = parse_method(method)[1]
    size = (float(options.get("fraction", 0)), float(options.get("scalars", 0)))
    return options.get("pool", DEFAULT_POOL), options.get("layers", ""), *size


def _is_same_scope(control: str, method: str) -> bool:
    scopes = [parse_method(one)[1].get("scope", "task") for one in (control, method)]
    return control_kind(control) != CHOSEN_METHOD or scopes[0] == scopes[1]
