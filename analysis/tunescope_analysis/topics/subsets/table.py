"""Subsets chosen by Fisher information against random ones of the same pool and size."""

import pandas as pd
import xarray as xr

from tunescope_analysis.io.columns import trial_frame
from tunescope_analysis.io.vocabulary import order_tasks, parse_method
from tunescope_analysis.stats.hypothesis_tests import holm
from tunescope_analysis.stats.signed_rank import signed_rank
from tunescope_analysis.topics.scores.learned_tasks import learned_by_either
from tunescope_analysis.topics.scores.pairs import paired_scores
from tunescope_analysis.topics.scores.table import score_table

CHOSEN_METHOD, CONTROL_METHOD = "fisher", "random"
DEFAULT_POOL = "layernorm"


def subset_pairs(trials: xr.Dataset) -> list[tuple[str, str]]:
    """Every method `fisher:...` with the method `random:...` of the same pool and fraction."""
    methods = sorted(set(trial_frame(trials)["method"]))
    controls = {_pool_and_fraction(method): method for method in methods if _is(method, CONTROL_METHOD)}
    chosen = [method for method in methods if _is(method, CHOSEN_METHOD)]
    return [(m, controls[_pool_and_fraction(m)]) for m in chosen if _pool_and_fraction(m) in controls]


def subset_differences(trials: xr.Dataset) -> pd.DataFrame:
    """A row per pair of methods, task and seed: scores `fisher` and `random`, `difference` chosen − random.

    Tasks on which neither of a pair has learned anything are left out: there all methods are alike.
    """
    frames = []
    table = score_table(trials)
    for chosen, control in subset_pairs(trials):
        learned = learned_by_either(table, chosen, control)
        pairs = paired_scores(trials, chosen, control).rename(
            columns={"first": CHOSEN_METHOD, "second": CONTROL_METHOD}
        )
        frames.append(pairs[pairs["task"].isin(learned)].assign(method=chosen, control=control))
    columns = ["method", "control", "task", "seed", CHOSEN_METHOD, CONTROL_METHOD, "difference"]
    return pd.concat(frames, ignore_index=True)[columns] if frames else pd.DataFrame(columns=columns)


def subset_table(differences: pd.DataFrame) -> pd.DataFrame:
    """Mean difference and Wilcoxon's p per pair of methods: a row for all tasks together, then one per task.

    `holm_p` corrects p over the rows of all tasks, and over those of single ones (Holm). `smallest_p` is what
    so many pairs can reach; `better`, `equal`, `worse` count pairs. Pairs of one task share its dev set, so
    the row over all tasks takes them for more independent than they are.
    """
    rows = []
    for (method, control), group in differences.groupby(["method", "control"]):
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
    return table.assign(
        holm_p=table.groupby(table["task"] == "all tasks")["p"].transform(lambda p: holm(p.to_numpy(float)))
    )


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


def _is(method: str, name: str) -> bool:
    return parse_method(method)[0] == name


def _pool_and_fraction(method: str) -> tuple[str, float]:
    options = parse_method(method)[1]
    return options.get("pool", DEFAULT_POOL), float(options.get("fraction", "nan"))
