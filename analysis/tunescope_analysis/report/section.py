"""One section of a report: paragraphs, tables, figures, and the verdicts that they lead to."""

from dataclasses import dataclass, field

import xarray as xr

from tunescope_analysis.report.blocks import Block, Paragraph, Picture, Table
from tunescope_analysis.report.claims import Verdict


@dataclass
class Section:
    """One section of a report; `key` is its anchor, `datasets` what its figures show, for netCDF files.

    An opening section fills the first screen, its figures side by side.
    """

    key: str
    title: str
    blocks: list[Block] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    datasets: dict[str, xr.Dataset] = field(default_factory=dict)
    is_opening: bool = False

    def add_paragraph(self, text: str) -> None:
        """Add a paragraph."""
        self.blocks.append(Paragraph(text))

    def add_note(self, text: str) -> None:
        """Add a note, set apart."""
        self.blocks.append(Paragraph(text, is_note=True))

    def add(self, *blocks: Block) -> None:
        """Add blocks, in order."""
        self.blocks.extend(blocks)

    def add_verdicts(self, *verdicts: Verdict | None) -> None:
        """Add the verdicts that there are; None stands for a claim that the data says nothing on."""
        self.verdicts.extend(verdict for verdict in verdicts if verdict is not None)

    def add_finding(self, verdict: Verdict | None) -> None:
        """Add a verdict, if there is one, and its reason as a paragraph."""
        if verdict is not None:
            self.add_paragraph(verdict.reason)
            self.add_verdicts(verdict)

    @property
    def tables(self) -> list[Table]:
        """The tables, in order."""
        return [block for block in self.blocks if isinstance(block, Table)]

    @property
    def pictures(self) -> list[Picture]:
        """The figures, in order."""
        return [block for block in self.blocks if isinstance(block, Picture)]
