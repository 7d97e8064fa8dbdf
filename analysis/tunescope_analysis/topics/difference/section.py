"""What moved from one result file to another, beyond seed noise."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import pandas as pd
import xarray as xr

from tunescope_analysis.report.blocks import Column, frame_table
from tunescope_analysis.report.formatting import (
    count,
    general,
    join_words,
    percent,
    plural,
    points,
    probability,
)
from tunescope_analysis.report.section import Section
from tunescope_analysis.topics.difference.table import Movement


def difference_section(names: tuple[str, str], table: pd.DataFrame, warning: str) -> Section:
    """Which scores moved beyond seed noise from the first file to the second, from `moved_scores`.

    The `warning` of `selection_warning` comes first.
    """
    section = Section("moved", f"From {names[0]} to {names[1]}")
    if warning:
        section.add_note(warning)
    section.add_paragraph(moved_sentence(table))
    section.add_paragraph(
        "Welch's t test over seeds at each one's best learning rate, Holm's correction over all rows."
    )
    columns = {
        "task": Column("Task", is_number=False),
        "method": Column("Method", is_number=False),
        "mean_first": Column(f"{names[0]} × 100", percent),
        "mean_second": Column(f"{names[1]} × 100", percent),
        "difference": Column("Difference × 100", points),
        "p": Column("p", probability),
        "holm_p": Column("p, Holm", probability),
        "verdict": Column("Verdict", is_number=False),
        "seeds": Column("Seeds", is_number=False),
        "learning_rates": Column("Learning rates", is_number=False),
    }
    shown = table.assign(
        seeds=_both(table, "seeds", count), learning_rates=_both(table, "learning_rate", general)
    )
    section.add(replace(frame_table("moved", shown, columns), frame=table))
    return section


def _both(table: pd.DataFrame, column: str, show: Callable[[object], str]) -> list[str]:
    """What a column is in the first file and in the second, once if it is the same."""
    pairs = zip(table[f"{column}_first"].map(show), table[f"{column}_second"].map(show), strict=True)
    return [first if first == second else f"{first}, {second}" for first, second in pairs]


def selection_warning(files: Mapping[str, xr.Dataset]) -> str:
    """That the trials of the files differ in `data.selection`, if they do; empty otherwise."""
    rules = {name: sorted(set(trials["selection"].values)) for name, trials in files.items()}
    if len({tuple(own) for own in rules.values() if own}) < 2:
        return ""
    told = join_words([f"{', '.join(own)} in {name}" for name, own in rules.items()])
    return (
        f"The files differ in data.selection: {told}. Their scores are of other examples, or other examples "
        "chose the runs, so a difference need not be one of the methods."
    )


def moved_sentence(table: pd.DataFrame) -> str:
    """How many scores moved, and which."""
    both = table[~table["verdict"].isin([Movement.IN_ONE_FILE, Movement.UNFINISHED])]
    moved = both[both["verdict"] == Movement.MOVED]
    counts = ", ".join(f"{number} {verdict}" for verdict, number in both["verdict"].value_counts().items())
    start = (
        f"{plural(len(both), 'score')} in both files: {counts}."
        if len(both)
        else "No score is in both files."
    )
    if moved.empty:
        return start
    named = [f"{row.method} on {row.task} ({points(row.difference)})" for row in moved.itertuples()]
    return f"{start} Moved beyond seed noise: {join_words(named)}."
