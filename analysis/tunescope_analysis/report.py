"""What a report says: its parts, in order, from one result file."""

from collections.abc import Callable
from dataclasses import dataclass

from tunescope_analysis.parts.change import change_part
from tunescope_analysis.parts.fisher import fisher_part
from tunescope_analysis.parts.fisher_change import fisher_change_part
from tunescope_analysis.parts.overview import job_part, overview_part
from tunescope_analysis.parts.part import Part, Picture, Table
from tunescope_analysis.parts.scores import parameters_part, scores_part
from tunescope_analysis.parts.stability import stability_part
from tunescope_analysis.parts.subsets import subsets_part
from tunescope_analysis.results import Results

PARTS: tuple[Callable[[Results], Part], ...] = (
    overview_part,
    scores_part,
    parameters_part,
    change_part,
    fisher_part,
    fisher_change_part,
    stability_part,
    subsets_part,
    job_part,
)


@dataclass(frozen=True)
class Report:
    """Everything that the page and the files beside it are made of."""

    results: Results
    parts: list[Part]

    @property
    def has_trials(self) -> bool:
        """Whether the file holds any trial, finished or not."""
        return bool(self.results.trials.sizes["trial"])

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
    return Report(results, [build(results) for build in PARTS])
