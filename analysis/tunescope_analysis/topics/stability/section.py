"""Is the Fisher ranking stable against the way it is computed?"""

from functools import partial

import pandas as pd

from tunescope_analysis.io.results import Results
from tunescope_analysis.io.vocabulary import order_tasks
from tunescope_analysis.report.blocks import Cell, Heading, Picture, Subheading, Table
from tunescope_analysis.report.formatting import count, fixed, share
from tunescope_analysis.report.labels import AGREEMENT_LABELS, FACTOR_LABELS
from tunescope_analysis.report.section import Section
from tunescope_analysis.stats.rank_agreement import AGREEMENTS, KENDALL_ITEMS, TOP_FRACTION
from tunescope_analysis.topics.fisher.runs import default_runs, settings_sentence
from tunescope_analysis.topics.stability.figure import stability_figure
from tunescope_analysis.topics.stability.table import (
    NO_FACTOR,
    RANKED_LEVELS,
    SEVERAL_FACTORS,
    agreement_with_reference,
    pair_table,
    summarize_pairs,
)
from tunescope_analysis.topics.stability.verdict import stability_verdict, weakest_sentence

RUN_GRID = (
    "Run `tunescope fisher JOB` with several `batch_sizes`, `examples`, `points`, `mode` or `seeds` in "
    "`[fisher]`, such as `jobs/fisher-robustness.cfg`."
)


def stability_section(results: Results) -> Section:
    """Agreement of all pairs of Fisher runs of a task, by what differs between them."""
    section = Section("stability", "Stability of the Fisher ranking")
    pairs = pair_table(results) if "fisher" in results.groups else pd.DataFrame()
    if pairs.empty:
        section.add_note(f"No task has two Fisher runs to compare. {RUN_GRID}")
        return section
    section.add_paragraph(
        "Agreement of the rankings of all pairs of runs of a task. Jaccard compares the top "
        f"{share(TOP_FRACTION)} (of equals the first, as methods choose); random subsets of that size would "
        f"have {fixed(TOP_FRACTION / (2 - TOP_FRACTION))}. Rank-biased overlap (Webber, Moffat, Zobel 2010) "
        "puts about 86 % of its weight on that top, and judges ties as ties. Kendall's tau-b is of a fixed "
        f"random sample where there are more than {count(KENDALL_ITEMS)} items."
    )
    section.add(Table("stability_pairs", pairs))
    against = agreement_with_reference(pairs, results.fisher)
    section.add(_summary_table(summarize_pairs(pairs), pairs))
    if against.empty:
        section.add_note(f"No two runs differ in one setting alone, so nothing is drawn. {RUN_GRID}")
        return section
    section.add_paragraph(settings_sentence("Reference run", default_runs(results.fisher)))
    section.add(Table("stability", against))
    for level in [level for level in RANKED_LEVELS if (against["level"] == level).any()]:
        sentence = weakest_sentence(against, level)
        items = int(pairs.loc[pairs["level"] == level, "items"].max())
        section.add(Subheading(f"Ranking of {RANKED_LEVELS[level]}"))
        section.add_paragraph(f"{count(items)} items ranked. {sentence}")
        alt = (
            f"Plots of agreement, one row per measure, one column per setting, one line per task. {sentence}"
        )
        picture = Picture(f"stability_{level}", partial(stability_figure, against, level), alt)
        section.add(Table(picture.name, against[against["level"] == level]), picture)
    section.add_verdicts(stability_verdict(against))
    return section


def _summary_table(table: pd.DataFrame, pairs: pd.DataFrame) -> Table:
    words = [Heading(text, is_number=False) for text in ("What differs", "Ranked")]
    means = [Heading(label, note="mean") for label in AGREEMENT_LABELS.values()]
    headings = [*words, Heading("Pairs"), *means, Heading("Spearman", note="least")]
    rows = [
        [Cell(_difference(row)), Cell(RANKED_LEVELS[row["level"]]), Cell(str(row["pairs"])),
         *(Cell(fixed(row[name])) for name in AGREEMENTS), Cell(fixed(row["least_spearman"]))]
        for _, row in table.iterrows()
    ]  # fmt: skip
    tasks = ", ".join(order_tasks(pairs["task"]))
    return Table("stability_summary", table, headings, rows, f"All pairs of runs of a task, over {tasks}.")


def _difference(row: pd.Series) -> str:
    if row["differs"] == SEVERAL_FACTORS:
        return "several settings"
    if row["differs"] == NO_FACTOR:
        return "nothing that is recorded"
    if row["differs"] == "seed":
        return "seed"
    return f"{FACTOR_LABELS[row['differs']]} {row['first_value']} and {row['second_value']}"
