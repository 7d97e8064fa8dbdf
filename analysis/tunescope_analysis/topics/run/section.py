"""What was run: counts, device time, versions, the trials without a result, and the job."""

import hashlib

import pandas as pd

from tunescope_analysis.io.columns import trial_frame
from tunescope_analysis.io.model import model_folder
from tunescope_analysis.io.results import Results
from tunescope_analysis.io.screening import screening_frame
from tunescope_analysis.io.vocabulary import order_tasks
from tunescope_analysis.report.blocks import Cell, Facts, Heading, Subheading, Table, Verbatim
from tunescope_analysis.report.formatting import count, general, plural
from tunescope_analysis.report.remedies import RUN_SWEEP
from tunescope_analysis.report.section import Section
from tunescope_analysis.topics.run.cost import cost_table
from tunescope_analysis.topics.run.screening import screening_table
from tunescope_analysis.topics.scores.table import order_methods, score_table

MAX_FAILURES = 20
HASH_DIGITS = 16
SECONDS_PER_HOUR = 3600


def run_section(results: Results) -> Section:
    """The job in numbers, and every trial that has no result, with its message."""
    trials = trial_frame(results.trials)
    table = score_table(results.trials)
    attributes = results.attributes
    section = Section("run", "What was run")
    section.add(
        Facts(
            [
                ("Trials", _states(trials)),
                ("Model", _model(results, trials)),
                ("Tasks", ", ".join(order_tasks(trials["task"])) or "none"),
                ("Methods", "; ".join(order_methods(table)) or "none"),
                ("Screening", _screening(results)),
                ("Fisher runs", _fisher_runs(results)),
                ("Device-hours", _device_hours(results, trials)),
                ("Created", attributes.created or "unknown"),
                ("Tunescope", f"{attributes.tunescope_version or 'unknown version'}, commit "
                              f"{attributes.git_commit or 'unknown'}, schema {attributes.schema_version}"),
                ("Inputs, SHA-256", _hashes(attributes.inputs) or "not recorded"),
                ("File", f"{results.name}, SHA-256 {_checksum(results)}"),
            ]
        )
    )  # fmt: skip
    if trials.empty:
        section.add_note(f"The file holds no trials. {RUN_SWEEP}")
    if results.screening is not None:
        section.add(Subheading("Learning rates that screening chose"), screening_table(results.screening))
    costs = cost_table(trials)
    if costs is not None:
        section.add(Subheading("What training took"), costs)
        section.add_note(
            "Speed is that of training steps; trials that train together count as one. Memory is the most "
            "that the trial's process had held till then, for this trial or an earlier one."
        )
    failures = trials[trials["state"] != "done"]
    if len(failures):
        section.add(Subheading("Trials without a result"), _failure_table(failures))
        if len(failures) > MAX_FAILURES:
            section.add_paragraph(f"And {len(failures) - MAX_FAILURES} more.")
    return section


def job_section(results: Results) -> Section:
    """The job file as it was run."""
    return Section("job", "Job", [Verbatim(results.attributes.job or "The file names no job.")])


def _model(results: Results, trials: pd.DataFrame) -> str:
    """The model's folder as the job names it, and its number of parameters with the largest head."""
    folder = model_folder(results) or "unknown"
    if trials.empty:
        return folder
    drawn = results.attributes.drawn_anew.replace(" ", ", ")
    anew = f"; newly drawn for each trial: {drawn}" if drawn else ""
    return f"{folder}, {count(trials['total_parameters'].max())} parameters with the head{anew}"


def _hashes(inputs: str) -> str:
    """A line per input: a name and as many digits as tell files apart; the result file has all of them."""
    return "\n".join(line[: line.find(" ") + 1 + HASH_DIGITS] for line in inputs.splitlines())


def _checksum(results: Results) -> str:
    with results.path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _states(trials: pd.DataFrame) -> str:
    states = ", ".join(f"{number} {state}" for state, number in trials["state"].value_counts().items())
    return f"{len(trials)} ({states})" if states else "0"


def _screening(results: Results) -> str:
    if results.screening is None:
        return "none: all learning rates were trained with all seeds"
    rates = screening_frame(results.screening)
    seeds = plural(int(rates["seeds"].max()), "seed")
    chosen = f"{rates['chosen'].sum()} of {len(rates)}"
    return f"on: {seeds} for all learning rates, the others for those chosen; {chosen} were"


def _fisher_runs(results: Results) -> str:
    return str(results.fisher.sizes["run"]) if "fisher" in results.groups else "none"


def _device_hours(results: Results, trials: pd.DataFrame) -> str:
    """Hours of the trials, in all and by device, and of the Fisher runs, whose ranks all count."""
    parts = []
    if len(trials):
        hours = trials.groupby(trials["device"].replace("", "unknown"))["wall_seconds"].sum()
        named = ", ".join(f"{device} {_hours(seconds)}" for device, seconds in hours.items())
        parts.append(f"{_hours(hours.sum())} in {plural(len(trials), 'trial')} ({named})")
    if "fisher" in results.groups and {"wall_seconds", "ranks"} <= set(results.fisher.data_vars):
        fisher = results.fisher
        parts.append(f"{_hours(float(fisher['wall_seconds'] @ fisher['ranks']))} in Fisher runs")
    return "; ".join(parts) or "none"


def _hours(seconds: float) -> str:
    hours = seconds / SECONDS_PER_HOUR
    return f"{hours:,.0f} h" if hours >= 100 else f"{hours:.3g} h"


def _failure_table(failures: pd.DataFrame) -> Table:
    headings = [Heading(text, is_number=False) for text in ("Trial", "State", "Message", "Where")]
    rows = []
    for row in failures.head(MAX_FAILURES).to_dict("records"):
        rate = general(row["learning_rate"])
        trial = f"{row['task']}, {row['method']}, learning rate {rate}, seed {row['seed']}"
        where = f"{row['hostname']}, rank {row['rank']}"
        rows.append([Cell(trial, line=str(row["id"])), Cell(str(row["state"])),
                     Cell(str(row["error"] or "no message")), Cell(where)])  # fmt: skip
    columns = ["id", "task", "method", "learning_rate", "seed", "state", "error", "hostname", "rank"]
    return Table("failures", failures[columns], headings, rows)
