"""What a report says of tasks on which nothing was learned: every comparison there is of equals."""

import xarray as xr

from tunescope_analysis.labels import order_tasks
from tunescope_analysis.parts.numbers import join_words
from tunescope_analysis.parts.part import Part
from tunescope_analysis.scores import score_table, tasks_learned
from tunescope_analysis.significance import MARGIN


def left_out_sentence(tasks: list[str], method: str) -> str:
    """Which tasks a comparison with `method` leaves out."""
    return f"Left out: {join_words(tasks)}, where {method} has learned nothing."


def say_left_out(part: Part, trials: xr.Dataset, method: str) -> None:
    """Name the tasks on which `method` has scores and has learned nothing, if there are any."""
    table = score_table(trials)
    tasks = table.loc[(table["method"] == method) & table["mean"].notna(), "task"]
    unlearned = set(tasks) - tasks_learned(trials, method, MARGIN)
    if unlearned:
        part.say(left_out_sentence([task for task in order_tasks(tasks) if task in unlearned], method))
