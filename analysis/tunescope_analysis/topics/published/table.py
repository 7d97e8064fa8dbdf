"""Published figures beside ours, if model, method, split and metric are the same."""

from functools import cache
from importlib import resources

import numpy as np
import pandas as pd

from tunescope_analysis.io.model import model_name
from tunescope_analysis.io.results import Results, head_size
from tunescope_analysis.io.selection import ON_DEV
from tunescope_analysis.io.vocabulary import order_tasks, parse_method
from tunescope_analysis.topics.parameters.table import average_table
from tunescope_analysis.topics.scores.table import best_trials

SHARE_FIGURES = {  # of parameters that a method trains, by the column of ours
    "share": "share_without_head",
    "share_with_head": "share",
}
SPLIT = "dev"  # ours
GLUE_EXAMPLES = {  # of the official files: training set, dev set (of MNLI, the matched one)
    "CoLA": (8_551, 1_043),
    "SST-2": (67_349, 872),
    "MRPC": (3_668, 408),
    "STS-B": (5_749, 1_500),
    "QQP": (363_846, 40_430),
    "MNLI": (392_702, 9_815),
    "QNLI": (104_743, 5_463),
    "RTE": (2_490, 277),
}
WHOLE_TRAINING_SET = 0.99  # our choice: releases of GLUE differ by a few training examples
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
    "mark",
]


@cache
def published_figures() -> pd.DataFrame:
    """What `data/published.csv` holds: `model`, `method`, `task`, `figure`, `split`, `printed`, `source`.

    `figure` is a metric, or one of `SHARE_FIGURES`, which have neither task nor split; `printed` is the
    source's text, × 100. `mark` says whether it was read in the source. `differs` says why a figure is not
    comparable with ours whatever a file holds; it is empty for the others.
    """
    with resources.files("tunescope_analysis").joinpath("data/published.csv").open(encoding="utf-8") as file:
        return pd.read_csv(file, keep_default_na=False, dtype=str)


def comparable_figures() -> pd.DataFrame:
    """The published figures that a file of ours can have: of the dev set, and set up as ours."""
    figures = published_figures()
    return figures[figures["split"].isin([SPLIT, ""]) & (figures["differs"] == "")]


def published_table(results: Results) -> pd.DataFrame:
    """Published figures of the file's model that the file has a number for, as fractions, a row per figure.

    `ours` is the mean over the seeds of the best learning rate, with its `standard_deviation`. Only trials
    count that are `on_published_split`. A published method without some option stands for any value of it.
    """
    known = comparable_figures()
    known = known[known["model"] == model_name(results)]
    methods = sorted(set(results.trials["method"].values))
    rows = [
        {**row, "method": method, **_ours(results, method, row), "published": float(row["printed"]) / 100}
        for row in known.to_dict("records")
        for method in methods
        if is_same_method(method, row["method"])
    ]
    table = pd.DataFrame(rows, columns=PUBLISHED_COLUMNS)
    return table[table["ours"].notna()].reset_index(drop=True)


def tasks_on_other_splits(results: Results) -> list[str]:
    """Tasks with a published score for the file's model, and scores of ours that are on another split."""
    figures = comparable_figures()
    published = figures.loc[figures["model"] == model_name(results), "task"]
    best = best_trials(results.trials)
    other = best[~on_published_split(best)]
    return order_tasks(set(other["task"]) & set(published))


def on_published_split(trials: pd.DataFrame) -> pd.Series:
    """Of each trial, whether it was trained on all of GLUE's training set, and scored on all of its dev set.

    The dev set has to have chosen the best step too, as in the papers. The numbers of examples tell subsets
    and tasks of another origin apart. Files that do not tell them have no such trial.
    """
    if not {"train_examples", "dev_examples"} <= set(trials):
        return pd.Series(False, index=trials.index)
    training, dev = (trials["task"].map({task: sizes[place] for task, sizes in GLUE_EXAMPLES.items()})
                     for place in (0, 1))  # fmt: skip
    is_whole = (trials["dev_examples"] == dev) & (trials["train_examples"] >= WHOLE_TRAINING_SET * training)
    return is_whole & (trials["selection"] == ON_DEV)


def is_same_method(method: str, published: str) -> bool:
    """Whether a method of ours has the name and the options of a published one."""
    (name, options), (other, wanted) = parse_method(method), parse_method(published)
    return name == other and wanted.items() <= options.items()


def _ours(results: Results, method: str, row: dict[str, str]) -> dict[str, float]:
    if row["figure"] in SHARE_FIGURES:
        averages = average_table(results.trials, head_size(results))
        shares = averages.loc[averages["method"] == method, SHARE_FIGURES[row["figure"]]]
        return {"ours": shares.mean(), "standard_deviation": np.nan, "seeds": np.nan}
    best = best_trials(results.trials)
    own = best[(best["task"] == row["task"]) & (best["method"] == method) & on_published_split(best)]
    metrics = results.scores["best"]
    if row["figure"] not in metrics["metric"]:
        return {"ours": np.nan, "standard_deviation": np.nan, "seeds": 0}
    scores = metrics.sel(metric=row["figure"]).values[own.index.to_numpy(int)]
    values = pd.Series(scores, dtype=float).dropna()
    return {"ours": values.mean(), "standard_deviation": values.std(), "seeds": len(values)}
