"""The profile of Fisher information over depth."""

from functools import partial

import pandas as pd
import xarray as xr

from tunescope_analysis.io.vocabulary import order_tasks
from tunescope_analysis.report.blocks import Cell, Heading, Picture, Subheading, Table
from tunescope_analysis.report.claims import Verdict
from tunescope_analysis.report.formatting import fixed, plural
from tunescope_analysis.report.section import Section
from tunescope_analysis.stats.correlation import MIN_PLACES
from tunescope_analysis.topics.fisher_depth.figure import depth_figure
from tunescope_analysis.topics.fisher_depth.table import depth_correlation, depth_profile
from tunescope_analysis.topics.fisher_depth.verdict import fisher_depth_verdict, fisher_last_verdict


def add_depth(section: Section, fisher: xr.Dataset) -> Verdict | None:
    """Add the profile over depth and its correlation with depth; returns the verdict, if there are layers."""
    profile = depth_profile(fisher)
    section.add(Subheading("Over depth"))
    if not profile.size:
        section.add_note(
            "The file has no numbered layers with Fisher information, so there is no profile over depth."
        )
        return None
    table = depth_correlation(profile)
    sentence = depth_sentence(table)
    section.add_paragraph(sentence)
    section.add_finding(fisher_last_verdict(profile))
    section.add(
        _depth_table(table),
        Table("fisher_depth", profile.to_series().dropna().rename("fisher").reset_index()),
        Picture("fisher_depth", partial(depth_figure, profile, "Fisher information per scalar"),
                f"Lines over layers, one panel per task. {sentence}"),
    )  # fmt: skip
    words = "Fisher information per scalar"
    section.datasets["fisher_depth"] = profile.assign_attrs(long_name=words).to_dataset(name="fisher")
    return fisher_depth_verdict(table, sentence)


def _depth_table(table: pd.DataFrame) -> Table:
    """A row per task, a column per group of tensors."""
    wide = table.pivot(index="task", columns="part", values="spearman")
    parts = list(dict.fromkeys(table["part"]))
    named = [Heading("all tensors" if name == "all" else name) for name in parts]
    rows = [[Cell(task), *(Cell(fixed(wide.loc[task, name])) for name in parts)]
            for task in order_tasks(table["task"])]  # fmt: skip
    caption = f"Spearman's correlation of layer and Fisher information over {table['layers'].max()} layers."
    return Table("fisher_depth_correlation", table, [Heading("Task", is_number=False), *named], rows, caption)


def depth_sentence(table: pd.DataFrame) -> str:
    """On how many tasks later layers have more, for each group of tensors."""
    if table["spearman"].isna().all():
        return f"The layers are too few, or all alike, to say: {MIN_PLACES} are needed."
    sentences = []
    for part, group in table.groupby("part", sort=False):
        rho = group["spearman"].dropna()
        tensors = "all tensors" if part == "all" else str(part)
        if rho.empty:
            sentences.append(f"For {tensors} the layers are too few, or all alike, to say.")
            continue
        sentences.append(
            f"In {tensors} later layers have more Fisher information on {int((rho > 0).sum())} of "
            f"{plural(len(rho), 'task')} (Spearman of layer and Fisher information: median "
            f"{fixed(rho.median())})."
        )
    return " ".join(sentences)
