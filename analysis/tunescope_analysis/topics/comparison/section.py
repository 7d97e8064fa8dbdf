"""Several files: what they hold, their scores, and their verdicts side by side."""

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd
import xarray as xr

from tunescope_analysis.io.columns import trial_frame
from tunescope_analysis.io.model import model_folder, model_shape
from tunescope_analysis.io.results import Results
from tunescope_analysis.io.vocabulary import order_tasks
from tunescope_analysis.report.blocks import Cell, Column, Heading, Picture, Subheading, Table, frame_table
from tunescope_analysis.report.claims import Claim, Verdict, rule_on_claims
from tunescope_analysis.report.formatting import count, join_words, percent
from tunescope_analysis.report.remedies import RUN_SWEEP
from tunescope_analysis.report.section import Section
from tunescope_analysis.topics.comparison.figure import comparison_figure
from tunescope_analysis.topics.comparison.table import gaps_of_files, side_by_side
from tunescope_analysis.topics.scores.table import order_methods
from tunescope_analysis.topics.task_size.figure import sizes_figure
from tunescope_analysis.topics.task_size.verdict import task_size_verdict


def files_section(files: Mapping[str, Results]) -> Section:
    """What each file is: when and with what it was made, how much of it is done."""
    rows = []
    for name, results in files.items():
        trials = trial_frame(results.trials)
        rows.append(
            {
                "file": name,
                "model": model_folder(results) or "unknown",
                "architecture": results.attributes.architecture or "unknown",
                "created": results.attributes.created or "unknown",
                "version": f"{results.attributes.tunescope_version} {results.attributes.git_commit}".strip(),
                "trials": len(trials),
                "done": int((trials["state"] == "done").sum()),
                "parameters": trials["total_parameters"].max() if len(trials) else np.nan,
                "devices": ", ".join(sorted(set(trials["device"]))),
                "hosts": ", ".join(sorted(set(trials["hostname"]))),
            }
        )
    columns = {
        "file": Column("File", is_number=False),
        "model": Column("Model", is_number=False),
        "architecture": Column("Architecture", is_number=False),
        "created": Column("Created", is_number=False),
        "version": Column("Tunescope", is_number=False),
        "trials": Column("Trials"),
        "done": Column("Done"),
        "parameters": Column("Model's parameters", count),
        "devices": Column("Devices", is_number=False),
        "hosts": Column("Hosts", is_number=False),
    }
    return Section("files", "Files", [frame_table("files", pd.DataFrame(rows), columns)])


def rulings_section(verdicts: Mapping[str, Sequence[Verdict]]) -> Section:
    """The ruling on each claim by file: `verdicts` has those of the report on each file."""
    section = Section("claims", "Verdict on each claim, file by file")
    rulings = [rule_on_claims(own) for own in verdicts.values()]
    headings = [Heading("Claim", is_number=False), *(Heading(file, is_number=False) for file in verdicts)]
    frame = pd.DataFrame(
        [
            (claim.key, claim.statement, *(own[claim].ruling for own in rulings))
            for claim in Claim
            if claim is not Claim.MODELS  # `models_section` rules on it
        ],
        columns=["key", "claim", *verdicts],
    )
    rows = [[Cell(text) for text in row[1:]] for row in frame.itertuples(index=False, name=None)]
    section.add(Table("claims", frame, headings, rows))
    return section


def side_by_side_section(trials: Mapping[str, xr.Dataset]) -> Section:
    """Scores of every file, a row per method and file, a column per task."""
    section = Section("scores", "Scores side by side")
    table = side_by_side(trials)
    if not table["mean"].notna().any():
        section.add_note(f"No trial of any file has finished. {RUN_SWEEP}")
        return section
    tasks = order_tasks(table["task"])
    rows = []
    for method in order_methods(table):
        for file in trials:
            own = table[(table["method"] == method) & (table["file"] == file)].set_index("task")
            if len(own):
                rows.append([Cell(method), Cell(file), *(_cell(own, task) for task in tasks)])
    headings = [Heading("Method", is_number=False), Heading("File", is_number=False), *map(Heading, tasks)]
    alt = "Dot plot of the table, one panel per task, one line per method, one marker per file."
    section.add_paragraph(
        "Dev-set scores × 100 at each file's best learning rate, mean ± standard deviation over seeds."
    )
    section.add(
        Table("scores", table, headings, rows), Picture("scores", partial(comparison_figure, table), alt)
    )
    return section


def sizes_section(files: Mapping[str, Results]) -> Section:
    """Gaps to `full` over training-set size, all files of a model together: sweeps over `train_examples`."""
    section = Section("task-size", "Gap to full fine-tuning by training-set size")
    models: dict[object, dict[str, xr.Dataset]] = {}
    for name, results in files.items():
        shape = model_shape(results)
        key = (results.attributes.architecture, shape) if shape else model_folder(results) or name
        models.setdefault(key, {})[name] = results.trials
    for trials in models.values():
        gaps = gaps_of_files(trials)
        if len(gaps) and gaps["train_examples"].nunique() > 1:
            _add_sizes(section, gaps, list(trials) if len(models) > 1 else [])
    if not section.pictures:
        section.add_note(
            "This needs `full` and another method at two training-set sizes or more in the files of a model."
        )
    return section


def _add_sizes(section: Section, gaps: pd.DataFrame, files: list[str]) -> None:
    """The gaps of one model; `files` names its files if there are several models."""
    if files:
        section.add(Subheading(f"The model of {join_words(files)}"))
    gaps = gaps.sort_values(["method", "train_examples"], kind="stable")
    means = gaps.groupby(["method", "task", "train_examples"], as_index=False, sort=False)["gap"].mean()
    if verdict := task_size_verdict(means):  # files may hold the same trials
        section.add_paragraph(f"{verdict.claim.statement}: {verdict.ruling}. {verdict.reason}")
    name = f"task_size_{len(section.pictures) + 1}" if files else "task_size"
    section.add(
        Table(name, gaps),
        Picture(name, partial(sizes_figure, gaps, ["full", *dict.fromkeys(gaps["method"])]),
                "Lines of the difference to full over training-set size, one line per method."),
    )  # fmt: skip


def _cell(own: pd.DataFrame, task: str) -> Cell:
    if task not in own.index or not np.isfinite(own.loc[task, "mean"]):
        return Cell("–")
    row = own.loc[task]
    deviation = row["standard_deviation"]
    return Cell(percent(row["mean"]), note="" if np.isnan(deviation) else f"± {percent(deviation)}")
