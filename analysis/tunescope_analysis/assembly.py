"""Which sections a report has, in order: one from a result file, one on several, one on what moved."""

from collections.abc import Callable

from tunescope_analysis.io.results import Results
from tunescope_analysis.report.report import Report
from tunescope_analysis.report.section import Section
from tunescope_analysis.topics.ablation.section import ablation_section
from tunescope_analysis.topics.change.section import change_section
from tunescope_analysis.topics.claims.section import claims_section
from tunescope_analysis.topics.comparison.section import (
    files_section,
    rulings_section,
    side_by_side_section,
    sizes_section,
)
from tunescope_analysis.topics.difference.section import (
    difference_section,
    moved_sentence,
    selection_warning,
)
from tunescope_analysis.topics.difference.table import moved_scores
from tunescope_analysis.topics.fisher.section import fisher_section
from tunescope_analysis.topics.fisher_change.section import fisher_change_section
from tunescope_analysis.topics.glance.section import glance_section
from tunescope_analysis.topics.models.section import models_section
from tunescope_analysis.topics.parameters.section import parameters_section
from tunescope_analysis.topics.power.section import power_sentence
from tunescope_analysis.topics.power.table import power_table
from tunescope_analysis.topics.run.section import job_section, run_section
from tunescope_analysis.topics.scores.section import scores_section
from tunescope_analysis.topics.significance.section import significance_section
from tunescope_analysis.topics.stability.section import stability_section
from tunescope_analysis.topics.subsets.section import subsets_section
from tunescope_analysis.topics.task_size.section import task_size_section
from tunescope_analysis.topics.training.section import training_section

SECTIONS: tuple[Callable[[Results], Section], ...] = (
    run_section,
    scores_section,
    parameters_section,
    significance_section,
    change_section,
    ablation_section,
    fisher_section,
    fisher_change_section,
    stability_section,
    subsets_section,
    training_section,
    task_size_section,
    job_section,
)


def build_report(results: Results) -> Report:
    """Compute every table and figure; a part that the file has no data for says so, and what to run."""
    sections = [build(results) for build in SECTIONS]
    verdicts = [verdict for section in sections for verdict in section.verdicts]
    places = {picture.name: section.title for section in sections for picture in section.pictures}
    limits = power_sentence(power_table(results.trials))
    opening = [glance_section(results, verdicts), claims_section(verdicts, places, limits)]
    return Report(results.name, opening + sections, _warnings(results))


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
    """Several files side by side: what they are, components, their reports' verdicts, scores, task sizes."""
    trials = {name: results.trials for name, results in files.items()}
    verdicts = {name: report.verdicts for name, report in reports.items()}
    sections = [
        files_section(files),
        models_section(files, verdicts),
        rulings_section(verdicts),
        side_by_side_section(trials),
        sizes_section(files),
    ]
    return Report(", ".join(files), sections)


def build_difference(files: dict[str, Results]) -> Report:
    """What moved from the first of two files to the second."""
    (first, second) = files
    table = moved_scores(files[first].trials, files[second].trials)
    warning = selection_warning({name: results.trials for name, results in files.items()})
    moved = difference_section((first, second), table, warning)
    answer = " ".join(filter(None, (warning, moved_sentence(table))))
    return Report(f"{first} and {second}", [moved, files_section(files)], answer=answer)
