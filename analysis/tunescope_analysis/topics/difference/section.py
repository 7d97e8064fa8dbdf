"""What moved from one result file to another, beyond seed noise."""

from collections.abc import Callable
from dataclasses import replace

import pandas as pd

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


def difference_section(names: tuple[str, str], table: pd.DataFrame) -> Section:
    """Which scores moved beyond seed noise from the first file to the second, from `moved_scores`."""
    section = Section("moved", f"From {names[0]} to {names[1]}")
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
