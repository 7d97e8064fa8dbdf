"""AdvGLUE (arXiv 2111.02840): five tasks of GLUE with sentences that were changed to mislead models, in one file."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import WrongAssetError


@dataclass(frozen=True)
class Layout:
    """How GLUE's own files name the fields and spell the labels of a task of AdvGLUE."""

    columns: dict[str, str]  # by the name of a text in AdvGLUE
    label: str
    labels: tuple[str, ...]  # AdvGLUE numbers them in this order

    def row(self, item: dict[str, Any]) -> dict[str, str]:
        """Return an item as GLUE has it."""
        if type(item["label"]) is not int or not 0 <= item["label"] < len(self.labels):
            raise ValueError(f"label {item['label']!r} is no number from 0 to {len(self.labels) - 1}")
        texts = {column: item[name] for name, column in self.columns.items()}
        return texts | {self.label: self.labels[item["label"]]}


def pair(first: str, second: str, label: str, *labels: str) -> Layout:
    """Return the layout of a task whose texts GLUE names alike."""
    return Layout({first: first, second: second}, label, labels)


MNLI = Layout(
    {"premise": "sentence1", "hypothesis": "sentence2"}, "gold_label", ("entailment", "neutral", "contradiction")
)
LAYOUTS = {
    "sst2": Layout({"sentence": "sentence"}, "label", ("0", "1")),
    "qqp": pair("question1", "question2", "is_duplicate", "0", "1"),
    "mnli": MNLI,
    "mnli-mm": MNLI,
    "qnli": pair("question", "sentence", "label", "entailment", "not_entailment"),
    "rte": pair("sentence1", "sentence2", "label", "entailment", "not_entailment"),
}


def tables_of(source: Path) -> dict[str, list[dict[str, str]]]:
    """Return the rows of each task in AdvGLUE's dev.json, as GLUE's files of that task have them."""
    try:
        tasks = json.loads(source.read_bytes())
    except ValueError as error:
        raise WrongAssetError(f"{source}: is not JSON ({error})") from error
    is_known = isinstance(tasks, dict) and tasks and tasks.keys() <= LAYOUTS.keys()
    if not is_known or not all(isinstance(items, list) for items in tasks.values()):
        raise WrongAssetError(f"{source}: is not AdvGLUE's dev.json, an object with lists {', '.join(LAYOUTS)}")
    return {f"adv-{task}": rows_of(source, task, items) for task, items in tasks.items()}


def rows_of(source: Path, task: str, items: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Return the rows of one task."""
    rows = []
    for number, item in enumerate(items):
        try:
            rows.append(LAYOUTS[task].row(item))
        except (KeyError, TypeError, ValueError) as error:
            problem = f"it lacks {error}" if isinstance(error, KeyError) else error
            raise WrongAssetError(f"{source}: item {number} of {task} is not as AdvGLUE has it: {problem}") from error
    return rows
