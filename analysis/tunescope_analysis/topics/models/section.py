"""The same components in models of several architectures, and whether the paper's findings carry over."""

from collections.abc import Mapping, Sequence
from functools import partial

from tunescope_analysis.io.results import Results
from tunescope_analysis.io.roles import is_pre_norm
from tunescope_analysis.report.blocks import Picture, Table
from tunescope_analysis.report.claims import Claim, Verdict
from tunescope_analysis.report.formatting import join_words
from tunescope_analysis.report.remedies import PRE_NORM
from tunescope_analysis.report.section import Section
from tunescope_analysis.topics.models.figure import models_figure
from tunescope_analysis.topics.models.table import component_levels
from tunescope_analysis.topics.models.verdict import models_verdict


def models_section(files: Mapping[str, Results], verdicts: Mapping[str, Sequence[Verdict]]) -> Section:
    """One figure of all files and the verdict on other architectures; a note if there is only one."""
    section = Section("models", "The same components in each model")
    architectures = {name: results.attributes.architecture for name, results in files.items()}
    if len(set(architectures.values())) == 1:
        section.add_note(f"All files are of one architecture. {Claim.MODELS.remedy}")
        return section
    verdict = models_verdict(architectures, verdicts)
    section.add_verdicts(verdict)
    section.add_paragraph(f"{verdict.claim.statement}: {verdict.ruling}. {verdict.reason}")
    table = component_levels(files)
    if table.empty:
        section.add_note(
            "No file has change maps or Fisher information, so there are no components to compare."
        )
        return section
    section.add_paragraph(
        "Components have BERT's names, by what they are in the network. Models differ in scale, and in the "
        "learning rates that suit them, so colours are relative to each file's largest component, and places "
        "are compared."
    )
    if pre_norm := [name for name, results in files.items() if _is_pre_norm(results)]:
        section.add_note(f"Of {join_words(pre_norm)}: {PRE_NORM}")
    section.add(
        Table("models", table),
        Picture(
            "models", partial(models_figure, table), "Heat map, component by file, a panel per quantity."
        ),
    )
    return section


def _is_pre_norm(results: Results) -> bool:
    return any(
        is_pre_norm(results.dataset(name)["size"]) for name in ("change", "fisher") if name in results.groups
    )
