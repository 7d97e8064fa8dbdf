"""Is the Fisher ranking stable against the way it is computed?"""

import pandas as pd

from tunescope_analysis.figures.stability import stability_figure
from tunescope_analysis.fisher import default_runs
from tunescope_analysis.io.results import Results
from tunescope_analysis.io.vocabulary import order_tasks
from tunescope_analysis.labels import AGREEMENT_LABELS, FACTOR_LABELS, settings_sentence
from tunescope_analysis.parts.numbers import count, fixed, share
from tunescope_analysis.parts.part import (
    NOT_DECIDABLE,
    NOT_SUPPORTED,
    SUPPORTED,
    Cell,
    Heading,
    Part,
    Picture,
    Subheading,
    Table,
    Verdict,
)
from tunescope_analysis.stability import (
    LEVELS,
    NOTHING,
    SEVERAL,
    agreement_with_reference,
    pair_table,
    summarise_pairs,
)
from tunescope_analysis.stats.rank_agreement import AGREEMENTS, KENDALL_ITEMS, TOP_FRACTION

NEEDED = (
    "Run `tunescope fisher JOB` with several `batch_sizes`, `examples`, `points`, `mode` or `seeds` in "
    "`[fisher]`, "
    "such as `jobs/fisher-robustness.cfg`."
)
STABLE = 0.9  # our choice: from this Spearman correlation on a ranking counts as the same
ASKED = ("batch_size", "examples", "point")


def stability_part(results: Results) -> Part:
    """Agreement of all pairs of Fisher runs of a task, by what differs between them."""
    part = Part("stability", "Stability of the Fisher ranking")
    pairs = pair_table(results) if "fisher" in results.groups else pd.DataFrame()
    if pairs.empty:
        part.note(f"No task has two Fisher runs to compare. {NEEDED}")
        return part
    part.say(
        "Agreement of the rankings of all pairs of runs of a task. Jaccard compares the top "
        f"{share(TOP_FRACTION)} (of "
        f"equals the first, as methods choose); random subsets of that size would have "
        f"{fixed(TOP_FRACTION / (2 - TOP_FRACTION))}. Rank-biased overlap (Webber, Moffat, Zobel 2010) "
        "puts about "
        "86 % of its weight on that top, and judges ties as ties. Kendall's tau-b is of a fixed random "
        "sample where "
        f"there are more than {count(KENDALL_ITEMS)} items."
    )
    part.add(Table("stability_pairs", pairs))
    against = agreement_with_reference(pairs, results.fisher)
    part.add(_summary_table(summarise_pairs(pairs), pairs))
    if against.empty:
        part.note(f"No two runs differ in one setting alone, so nothing is drawn. {NEEDED}")
        return part
    part.say(settings_sentence("Reference run", default_runs(results.fisher)))
    part.add(Table("stability", against))
    for level in [level for level in LEVELS if (against["level"] == level).any()]:
        sentence = weakest_sentence(against, level)
        items = int(pairs.loc[pairs["level"] == level, "items"].max())
        part.add(Subheading(f"Ranking of {LEVELS[level]}"))
        part.say(f"{count(items)} items ranked. {sentence}")
        alt = f"Plots of agreement, a row a measure, a column a setting, a line a task. {sentence}"
        picture = Picture(f"stability_{level}", stability_figure(against, level), alt)
        part.add(Table(picture.name, against[against["level"] == level]), picture)
    part.verdicts += stability_verdicts(against)
    return part


def weakest_sentence(against: pd.DataFrame, level: str) -> str:
    """Where the ranking agrees least with the reference, and how two seeds compare."""
    rows = against[(against["level"] == level) & against["spearman"].notna()]
    changed = rows[rows["differs"] != "seed"]
    seeds = rows.loc[rows["differs"] == "seed", "spearman"]
    sentences = []
    if len(changed):
        row = changed.loc[changed["spearman"].idxmin()]
        sentences.append(
            f"Least like the reference: {FACTOR_LABELS[row['differs']]} {row['value']} in place of "
            f"{row['reference']} "
            f"on {row['task']} (Spearman {fixed(row['spearman'])}, Jaccard {fixed(row['jaccard'])})."
        )
    if len(seeds):
        sentences.append(f"Two seeds agree to {fixed(seeds.mean())} (mean over tasks).")
    return " ".join(sentences)


def _summary_table(table: pd.DataFrame, pairs: pd.DataFrame) -> Table:
    words = [Heading(text, is_number=False) for text in ("What differs", "Ranked")]
    means = [Heading(label, note="mean") for label in AGREEMENT_LABELS.values()]
    headings = [*words, Heading("Pairs"), *means, Heading("Spearman", note="least")]
    rows = [
        [Cell(_difference(row)), Cell(LEVELS[row["level"]]), Cell(str(row["pairs"])),
         *(Cell(fixed(row[name])) for name in AGREEMENTS), Cell(fixed(row["least_spearman"]))]
        for _, row in table.iterrows()
    ]  # fmt: skip
    tasks = ", ".join(order_tasks(pairs["task"]))
    return Table("stability_summary", table, headings, rows, f"All pairs of runs of a task, over {tasks}.")


def _difference(row: pd.Series) -> str:
    if row["differs"] == SEVERAL:
        return "several settings"
    if row["differs"] == NOTHING:
        return "nothing that is recorded"
    if row["differs"] == "seed":
        return "seed"
    return f"{FACTOR_LABELS[row['differs']]} {row['first_value']} and {row['second_value']}"


def stability_verdicts(against: pd.DataFrame) -> list[Verdict]:
    """Whether the ranking stays the same whatever is changed, from `agreement_with_reference`."""
    level = "scalar" if (against["level"] == "scalar").any() else "tensor"
    rows = against[(against["level"] == level) & against["differs"].isin(ASKED) & against["spearman"].notna()]
    if rows.empty:
        return []
    means = rows.groupby(["differs", "value"])["spearman"].mean()
    tried = ", ".join(FACTOR_LABELS[name] for name in ASKED if name in means.index.get_level_values(0))
    reason = (
        f"Tried: {tried}. The lowest Spearman correlation with the reference, mean over tasks, is "
        f"{fixed(means.min())} ({STABLE} or more counts as stable, our choice). "
        f"{weakest_sentence(against, level)}"
    )
    missing = [FACTOR_LABELS[name] for name in ASKED if name not in means.index.get_level_values(0)]
    ruling = SUPPORTED if means.min() >= STABLE else NOT_SUPPORTED
    if ruling == SUPPORTED and missing:
        ruling = NOT_DECIDABLE
        reason += f" Not tried: {', '.join(missing)}."
    return [Verdict("stability", ruling, reason, f"stability_{level}")]
