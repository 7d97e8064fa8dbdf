"""What a report says of tasks on which nothing was learned: every comparison there is of equals."""

import xarray as xr

from tunescope_analysis.io.vocabulary import order_tasks
from tunescope_analysis.parts.numbers import join_words
from tunescope_analysis.parts.part import Part
from tunescope_analysis.scores import score_table, tasks_learned
from tunescope_analysis.significance import REFERENCE


def say_left_out(part: Part, trials: xr.Dataset) -> None:
    """Name the tasks on which `full` has scores and has learned nothing, if there are any."""
    table = score_table(trials)
    tasks = table.loc[(table["method"] == REFERENCE) & table["mean"].notna(), "task"]
    unlearned = set(tasks) - tasks_learned(trials, REFERENCE)
    if unlearned:
        named = join_words([task for task in order_tasks(tasks) if task in unlearned])
        part.say(f"On {named} {REFERENCE} has learned nothing: only methods that have are compared there.")
