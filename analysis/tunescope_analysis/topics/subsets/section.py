"""Subsets with the largest Fisher information beside their controls."""

from functools import partial

from tunescope_analysis.io.results import Results
from tunescope_analysis.report.blocks import Column, Picture, Table, frame_table
from tunescope_analysis.report.formatting import points, probability, spread
from tunescope_analysis.report.section import Section
from tunescope_analysis.topics.subsets.figure import subsets_figure
from tunescope_analysis.topics.subsets.table import subset_differences, subset_pairs, subset_table
from tunescope_analysis.topics.subsets.verdict import over_all_tasks, subset_sentence, subset_verdict


def subsets_section(results: Results) -> Section:
    """Paired differences of every `fisher` method and its controls of the same pool and size."""
    section = Section("subsets", "Fisher subsets against their controls")
    differences = subset_differences(results.trials)
    if differences.empty and subset_pairs(results.trials):
        section.add_note("No subset has learned anything on any task. Train on more examples or for longer.")
        return section
    if differences.empty:
        section.add_note(
            "No method `fisher:...` has a control `random:...` of the same pool and size with a common "
            "task and seed. Run a sweep with both, such as `methods = fisher:fraction=0.2 "
            "random:fraction=0.2`."
        )
        return section
    table = subset_table(differences)
    section.add_paragraph(
        "The scalars with the largest Fisher information less a control of the same pool and size, "
        "over tasks and seeds, each at its own best learning rate; scores × 100. Controls are random "
        "scalars, those with the lowest Fisher information, and those with the largest pre-trained "
        "values. p: Wilcoxon's signed-rank test, two-sided, exact up to 14 pairs or without ties. "
        "Pairs of one task share its dev set, so p over all tasks may be too small. Tasks on which "
        "neither has learned anything are left out."
    )
    sentences = [subset_sentence(row) for _, row in over_all_tasks(table).iterrows()]
    for sentence in sentences:
        section.add_paragraph(sentence)
    columns = {
        "method": Column("Method", is_number=False),
        "control": Column("Control", is_number=False),
        "task": Column("Task", is_number=False),
        "pairs": Column("Pairs"),
        "mean_difference": Column("Mean difference × 100", points),
        "standard_deviation": Column("Standard deviation × 100", spread),
        "better": Column("Better"),
        "equal": Column("Equal"),
        "worse": Column("Worse"),
        "p": Column("p", probability),
        "holm_p": Column("p, Holm", probability),
        "smallest_p": Column("Smallest p possible", probability),
    }
    alt = (
        "Dots of differences, one panel per method and control, one line per task, around a line at zero. "
        + " ".join(sentences)
    )
    section.add(
        frame_table("subsets_summary", table, columns),
        Table("subsets", differences),
        Picture("subsets", partial(subsets_figure, differences), alt),
    )
    section.add_verdicts(subset_verdict(table))
    return section
