"""What a report says: its parts, in order, from one result file."""

from collections.abc import Callable
from dataclasses import dataclass, field

from tunescope_analysis.comparison import moved_scores
from tunescope_analysis.io.results import Results
from tunescope_analysis.parts.change import change_part
from tunescope_analysis.parts.claims import claims_part
from tunescope_analysis.parts.comparison import (
    files_part,
    moved_part,
    moved_sentence,
    rulings_part,
    side_by_side_part,
    sizes_part,
)
from tunescope_analysis.parts.fisher import fisher_part
from tunescope_analysis.parts.fisher_change import fisher_change_part
from tunescope_analysis.parts.glance import glance_part
from tunescope_analysis.parts.overview import job_part, overview_part
from tunescope_analysis.parts.part import Part, Picture, Table
from tunescope_analysis.parts.scores import parameters_part, scores_part
from tunescope_analysis.parts.significance import significance_part
from tunescope_analysis.parts.stability import stability_part
from tunescope_analysis.parts.subsets import subsets_part
from tunescope_analysis.parts.task_size import task_size_part
from tunescope_analysis.parts.training import training_part

PARTS: tuple[Callable[[Results], Part], ...] = (
    overview_part,
    scores_part,
    parameters_part,
    significance_part,
    change_part,
    fisher_part,
    fisher_change_part,
    stability_part,
    subsets_part,
    training_part,
    task_size_part,
    job_part,
)


@dataclass(frozen=True)
class Report:
    """Everything that the page and the files beside it are made of; `warnings` stand at its top.

    `answer` is one sentence for the terminal, where the report answers one question.
    """

    title: str
    parts: list[Part]
    warnings: list[str] = field(default_factory=list)
    answer: str = ""

    @property
    def tables(self) -> list[Table]:
        """The tables that have a file, in order."""
        return [table for part in self.parts for table in part.tables if table.name]

    @property
    def pictures(self) -> list[Picture]:
        """The figures, in order."""
        return [picture for part in self.parts for picture in part.pictures]


def build_report(results: Results) -> Report:
    """Compute every table and figure; a part that the file has no data for says so, and what to run."""
    parts = [build(results) for build in PARTS]
    parts = [glance_part(results, parts), claims_part(parts), *parts]
    return Report(results.name, parts, _warnings(results))


def _warnings(results: Results) -> list[str]:
    warnings = []
    if not results.trials.sizes["trial"]:
        only = "It holds Fisher runs only." if "fisher" in results.groups else "There is nothing to compare."
        warnings.append(f"This file holds no trials yet. {only}")
    if not results.attributes.is_complete:
        warnings.append(
            "The sweep was not complete when this file was written. Scores and averages may still change."
        )
    return warnings


def build_comparison(files: dict[str, Results], reports: dict[str, Report]) -> Report:
    """Several files side by side: what they are, their reports' verdicts, scores, task sizes."""
    trials = {name: results.trials for name, results in files.items()}
    rulings = {
        name: {verdict.claim: verdict.ruling for part in report.parts for verdict in part.verdicts}
        for name, report in reports.items()
    }
    parts = [files_part(files), rulings_part(rulings), side_by_side_part(trials), sizes_part(files)]
    return Report(", ".join(files), parts)


def build_difference(files: dict[str, Results]) -> Report:
    """What moved from the first of two files to the second."""
    (first, second) = files
    table = moved_scores(files[first].trials, files[second].trials)
    moved = moved_part((first, second), table)
    return Report(f"{first} and {second}", [moved, files_part(files)], answer=moved_sentence(table))
