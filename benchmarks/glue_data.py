"""Reads GLUE's TSV files, and writes folders with a few of their examples, without any package."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SAMPLE_SEED = 1


@dataclass(frozen=True)
class Task:
    """Where a task's TSV keeps its columns: names, or positions where there is no header."""

    texts: tuple[str | int, ...]
    label: str | int
    classes: tuple[str, ...] = ("0", "1")  # none: the label is a value
    metric: str = "accuracy"

    @property
    def has_header(self) -> bool:
        return isinstance(self.label, str)


TASKS = {
    "CoLA": Task(texts=(3,), label=1, metric="matthews"),
    "SST-2": Task(texts=("sentence",), label="label"),
    "RTE": Task(("sentence1", "sentence2"), "label", classes=("entailment", "not_entailment")),
    "STS-B": Task(("sentence1", "sentence2"), "score", classes=(), metric="spearman"),
}


@dataclass(frozen=True)
class Example:
    """One example as the model takes it, without padding. The label is a class, or a value."""

    input_ids: list[int]
    type_ids: list[int] | None  # none: the tokenizer gives no types
    label: float


def read_rows(file: Path) -> list[list[str]]:
    """The fields of every line: tab-separated, no quoting, LF or CRLF."""
    lines = file.read_text(encoding="utf-8-sig").replace("\r\n", "\n").split("\n")
    return [line.split("\t") for line in lines if line]


def read_examples(file: Path, task: Task, tokenizer: Callable, max_length: int) -> list[Example]:
    """The tokenized examples of one TSV file; of a pair, the longer text is cut first."""
    rows = read_rows(file)
    header = rows.pop(0) if task.has_header else []

    def column(key: str | int) -> list[str]:
        index = header.index(key) if isinstance(key, str) else key
        return [row[index] for row in rows]

    texts = [column(key) for key in task.texts]
    encoded = tokenizer(*texts, truncation=True, max_length=max_length)
    labels = [task.classes.index(label) if task.classes else float(label) for label in column(task.label)]
    type_ids = encoded.get("token_type_ids") or [None] * len(labels)
    return [Example(*values) for values in zip(encoded["input_ids"], type_ids, labels, strict=True)]


def write_sample(source: Path, target: Path, task: str, counts: dict[str, int]) -> None:
    """A GLUE folder with so many random examples of each split of one task, the same at every call."""
    (target / task).mkdir(parents=True)
    for split, count in counts.items():
        file = source / task / f"{split}.tsv"
        if not file.is_file():
            raise SystemExit(f"{file}: no such file; GLUE's official layout is needed there")
        rows = read_rows(file)
        header = [rows.pop(0)] if TASKS[task].has_header else []
        rows = [row for row in rows if len(row) == len((header or rows)[0])]
        if len(rows) < count:
            raise SystemExit(f"{file} has {len(rows)} examples; {count} are needed")
        chosen = header + random.Random(SAMPLE_SEED).sample(rows, count)
        text = "".join("\t".join(row) + "\n" for row in chosen)
        (target / task / f"{split}.tsv").write_text(text, encoding="utf-8")
