"""What chose the runs whose scores are shown, and what choosing them on the reported examples would gain."""

import pandas as pd

from tunescope_analysis.io.results import Results
from tunescope_analysis.io.selection import ON_DEV
from tunescope_analysis.report.blocks import Column, Subheading, frame_table
from tunescope_analysis.report.formatting import count, join_words, percent, points, share
from tunescope_analysis.report.section import Section
from tunescope_analysis.topics.selection.table import optimism_table


def selection_sentence(rules: list[str]) -> str:
    """Which scores are shown, and which examples chose the learning rate and the step."""
    if not rules or rules == [ON_DEV]:
        return (
            "Dev-set scores × 100 at the best learning rate of each task and method, chosen on the dev set."
        )
    chosen = join_words([_choosing_examples(rule) for rule in rules])
    return f"Scores × 100 at the learning rate and step that were chosen on {chosen}."


def _choosing_examples(rule: str) -> str:
    if rule == ON_DEV:
        return "the dev set, which is reported as well"
    if rule == "half-dev":
        return "one half of the dev set; the other half is reported"
    held_out = share(rule.removeprefix("train:"))
    return f"{held_out} of the training set, which were not trained on; the dev set is reported"


def add_optimism(section: Section, results: Results) -> None:
    """What choosing on the reported examples would gain, if the file can tell."""
    section.add(Subheading("What choosing on the reported examples would gain"))
    table = optimism_table(results)
    if table.empty:
        section.add_note(
            "The best of several runs on the examples that chose it is too good. How much, a sweep with "
            "`[data] selection = half-dev` or `train:0.1` tells."
        )
        return
    section.add_paragraph(_summary(table))
    columns = {
        "method": Column("Method", is_number=False),
        "task": Column("Task", is_number=False),
        "runs": Column("Runs", count),
        "evaluations": Column("Evaluations", count),
        "examples": Column("Examples", count),
        "chosen_on_reported": Column("Chosen on them", percent),
        "chosen_apart": Column("Chosen apart", percent),
        "optimism": Column("Difference × 100", points),
    }
    caption = (
        "Mean scores × 100 over seeds if the learning rate, and the step of each run, are chosen on the "
        "examples that are reported, and if on others."
    )
    section.add(frame_table("selection", table, columns, caption))


def _summary(table: pd.DataFrame) -> str:
    widest = table.loc[table["optimism"].idxmax()]
    return (
        f"{points(table['optimism'].mean())} points on average over tasks and methods; most for "
        f"{widest['method']} on {widest['task']}, {points(widest['optimism'])}: "
        f"{count(widest['runs'])} runs compete on {count(widest['examples'])} examples."
    )
