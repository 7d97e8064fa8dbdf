"""Parts of a report on several files: what they hold, their scores, and their verdicts side by side."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
import xarray as xr

from tunescope_analysis.comparison import MOVED, ONE_FILE, UNFINISHED, gaps_of_files, side_by_side
from tunescope_analysis.figures.comparison import comparison_figure
from tunescope_analysis.figures.training import sizes_figure
from tunescope_analysis.io.columns import trial_frame
from tunescope_analysis.io.model import model_folder, model_shape
from tunescope_analysis.io.results import Results
from tunescope_analysis.io.vocabulary import order_tasks
from tunescope_analysis.parts.claims import CLAIMS
from tunescope_analysis.parts.numbers import count, general, join_words, percent, plural, points, probability
from tunescope_analysis.parts.part import (
    NOT_DECIDABLE,
    RUN_SWEEP,
    Cell,
    Column,
    Heading,
    Part,
    Picture,
    Subheading,
    Table,
    frame_table,
)
from tunescope_analysis.parts.task_size import size_verdicts
from tunescope_analysis.scores import order_methods


def files_part(files: Mapping[str, Results]) -> Part:
    """What each file is: when and with what it was made, how much of it is done."""
    rows = []
    for name, results in files.items():
        trials = trial_frame(results.trials)
        rows.append(
            {
                "file": name,
                "model": model_folder(results) or "unknown",
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
        "created": Column("Created", is_number=False),
        "version": Column("Tunescope", is_number=False),
        "trials": Column("Trials"),
        "done": Column("Done"),
        "parameters": Column("Model's parameters", count),
        "devices": Column("Devices", is_number=False),
        "hosts": Column("Hosts", is_number=False),
    }
    return Part("files", "Files", [frame_table("files", pd.DataFrame(rows), columns)])


def rulings_part(rulings: Mapping[str, Mapping[str, str]]) -> Part:
    """The verdict on each claim by file: `rulings` maps a file to rulings by claim."""
    part = Part("claims", "Verdict on each claim, file by file")
    claims = {key: texts for key, texts in CLAIMS.items() if key != "models"}  # which the columns answer
    headings = [Heading("Claim", is_number=False), *(Heading(file, is_number=False) for file in rulings)]
    frame = pd.DataFrame(
        [(key, claim, *(own.get(key, NOT_DECIDABLE) for own in rulings.values()))
         for key, (claim, _) in claims.items()],
        columns=["key", "claim", *rulings],
    )  # fmt: skip
    rows = [[Cell(text) for text in row[1:]] for row in frame.itertuples(index=False, name=None)]
    part.add(Table("claims", frame, headings, rows))
    return part


def side_by_side_part(trials: Mapping[str, xr.Dataset]) -> Part:
    """Scores of every file, a row a method and file, a column a task."""
    part = Part("scores", "Scores side by side")
    table = side_by_side(trials)
    if not table["mean"].notna().any():
        part.note(f"No trial of any file has finished. {RUN_SWEEP}")
        return part
    tasks = order_tasks(table["task"])
    rows = []
    for method in order_methods(table):
        for file in trials:
            own = table[(table["method"] == method) & (table["file"] == file)].set_index("task")
            if len(own):
                rows.append([Cell(method), Cell(file), *(_cell(own, task) for task in tasks)])
    headings = [Heading("Method", is_number=False), Heading("File", is_number=False), *map(Heading, tasks)]
    alt = "Dot plot of the table, a panel a task, a line a method, a marker a file."
    part.say("Dev-set scores × 100 at each file's best learning rate, mean ± standard deviation over seeds.")
    part.add(Table("scores", table, headings, rows), Picture("scores", comparison_figure(table), alt))
    return part


def sizes_part(files: Mapping[str, Results]) -> Part:
    """Gaps to `full` over training-set size, all files of a model together: sweeps over `train_examples`."""
    part = Part("task-size", "Gap to full fine-tuning by training-set size")
    models: dict[object, dict[str, xr.Dataset]] = {}
    for name, results in files.items():
        models.setdefault(model_shape(results) or model_folder(results) or name, {})[name] = results.trials
    for trials in models.values():
        gaps = gaps_of_files(trials)
        if len(gaps) and gaps["train_examples"].nunique() > 1:
            _add_sizes(part, gaps, list(trials) if len(models) > 1 else [])
    if not part.pictures:
        part.note(
            "This needs `full` and another method at two training-set sizes or more in the files of a model."
        )
    return part


def _add_sizes(part: Part, gaps: pd.DataFrame, files: list[str]) -> None:
    """The gaps of one model; `files` names its files where there are several models."""
    if files:
        part.add(Subheading(f"The model of {join_words(files)}"))
    gaps = gaps.sort_values(["method", "train_examples"], kind="stable")
    means = gaps.groupby(["method", "task", "train_examples"], as_index=False, sort=False)["gap"].mean()
    for verdict in size_verdicts(means):  # files may hold the same trials
        part.say(f"{CLAIMS[verdict.claim][0]}: {verdict.ruling}. {verdict.reason}")
    name = f"task_size_{len(part.pictures) + 1}" if files else "task_size"
    part.add(
        Table(name, gaps),
        Picture(name, sizes_figure(gaps, ["full", *dict.fromkeys(gaps["method"])]),
                "Lines of the difference to full over training-set size, a line a method."),
    )  # fmt: skip


def moved_part(names: tuple[str, str], table: pd.DataFrame) -> Part:
    """Which scores moved beyond seed noise from the first file to the second, from `moved_scores`."""
    part = Part("moved", f"From {names[0]} to {names[1]}")
    part.say(moved_sentence(table))
    part.say("Welch's t test over seeds at each one's best learning rate, Holm's correction over all rows.")
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
    part.add(replace(frame_table("moved", shown, columns), frame=table))
    return part


def _both(table: pd.DataFrame, column: str, show: Callable[[object], str]) -> list[str]:
    """What a column is in the first file and in the second, once where it is the same."""
    pairs = zip(table[f"{column}_first"].map(show), table[f"{column}_second"].map(show), strict=True)
    return [first if first == second else f"{first}, {second}" for first, second in pairs]


def moved_sentence(table: pd.DataFrame) -> str:
    """How many scores moved, and which."""
    both = table[~table["verdict"].isin([ONE_FILE, UNFINISHED])]
    moved = both[both["verdict"] == MOVED]
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


def _cell(own: pd.DataFrame, task: str) -> Cell:
    if task not in own.index or not np.isfinite(own.loc[task, "mean"]):
        return Cell("–")
    row = own.loc[task]
    deviation = row["standard_deviation"]
    return Cell(percent(row["mean"]), note="" if np.isnan(deviation) else f"± {percent(deviation)}")
