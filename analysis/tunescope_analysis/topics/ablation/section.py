"""Trained models with a group of their changes taken back, and with nothing but it."""

from functools import partial

import pandas as pd

from tunescope_analysis.io.results import Results
from tunescope_analysis.report.blocks import Column, Picture, Table, frame_table
from tunescope_analysis.report.formatting import count, percent, share
from tunescope_analysis.report.section import Section
from tunescope_analysis.topics.ablation.figure import ablation_figure
from tunescope_analysis.topics.ablation.table import LEAST_GAIN, RESET, TRANSPLANT, ablation_scores, by_task
from tunescope_analysis.topics.ablation.verdict import ablation_verdict


def ablation_section(results: Results) -> Section:
    """For each group of scalars, what a trained model loses without its change, and what that alone keeps."""
    section = Section("ablation", "What the changes are worth")
    scores = ablation_scores(results)
    if scores.empty:
        section.add_note(
            "No trained model was ablated. Run a sweep with `[ablation] groups = layernorm-output layernorm "
            "bitfit` and `run.keep = trained`."
        )
        return section
    means = by_task(scores)
    section.add_paragraph(
        "Of a trained model, the scalars of a group are put back to their values before training; or all "
        "others are, and the group alone stays trained. The head stays as it was trained, under the whole "
        "model, and is trained no further. What the rest of the model would have learned without the group "
        "is another question, which the methods of the same names answer. Scores × 100 of the weights that "
        "were kept; shares are of the difference between the trained model and the pre-trained one under "
        "its head, "
        f"where that is {percent(LEAST_GAIN)} points or more."
    )
    for sentence in share_sentences(means):
        section.add_paragraph(sentence)
    section.add_verdicts(ablation_verdict(means))
    columns = {
        "task": Column("Task", is_number=False),
        "method": Column("Method", is_number=False),
        "group": Column("Group", is_number=False),
        "scalars": Column("Scalars", count),
        "seeds": Column("Seeds", count),
        "pretrained": Column("Pre-trained", percent),
        "whole": Column("Trained", percent),
        RESET: Column("Without the group's change", percent),
        TRANSPLANT: Column("With nothing else", percent),
        "lost": Column("Lost", share),
        "kept": Column("Kept", share),
    }
    section.add(frame_table("ablation_summary", means, columns), Table("ablation", scores))
    if means["lost"].notna().any():
        alt = " ".join(["Markers of shares lost and kept, a line per group.", *share_sentences(means)])
        section.add(Picture("ablation", partial(ablation_figure, means.dropna(subset=["lost"])), alt))
    return section


def share_sentences(means: pd.DataFrame) -> list[str]:
    """For each method and group, the mean shares over the tasks that have them."""
    known = means.dropna(subset=["lost", "kept"])
    return [
        f"{method}: without the change of {group} a model loses {share(own['lost'].mean())} of what training "
        f"gained, and that change alone keeps {share(own['kept'].mean())} (means over {len(own)} tasks)."
        for (method, group), own in known.groupby(["method", "group"], sort=False)
    ]
