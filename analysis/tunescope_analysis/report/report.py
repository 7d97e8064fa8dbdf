"""A report: its sections in order, and all that is written of them."""

from dataclasses import dataclass, field

from tunescope_analysis.report.blocks import Picture, Table
from tunescope_analysis.report.claims import Verdict
from tunescope_analysis.report.section import Section


@dataclass(frozen=True)
class Report:
    """Everything that the page and the files beside it are made of; `warnings` stand at its top.

    `answer` is one sentence for the terminal, if the report answers one question.
    """

    title: str
    sections: list[Section]
    warnings: list[str] = field(default_factory=list)
    answer: str = ""

    @property
    def tables(self) -> list[Table]:
        """The tables that have a file, in order."""
        return [table for section in self.sections for table in section.tables if table.name]

    @property
    def pictures(self) -> list[Picture]:
        """The figures, in order."""
        return [picture for section in self.sections for picture in section.pictures]

    @property
    def verdicts(self) -> list[Verdict]:
        """The verdicts of all sections."""
        return [verdict for section in self.sections for verdict in section.verdicts]
