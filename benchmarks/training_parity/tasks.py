"""What both sides learn: tasks in GLUE's layout made from real sentences, and how."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

LONGEST_PAIR = 24  # words
DEV_EXAMPLES = 500
NO_DROPOUT = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0, "classifier_dropout": 0.0}


@dataclass(frozen=True)
class Case:
    """A task with a method and its settings, chosen so that learning has just begun when training ends."""

    task: str  # its folder's name
    method: str
    learning_rate: float
    has_dropout: bool = True  # as in config.json, or none
    steps: int = 120
    batch_size: int = 16

    @property
    def outputs(self) -> int:
        return 1 if self.task == "STS-B" else 2


CASES = {
    "overlap-full": Case("STS-B", "full", 5e-5),
    "overlap-full-no-dropout": Case("STS-B", "full", 5e-5, has_dropout=False),
    "sst2-full": Case("SST-2", "full", 5e-5),
    "sst2-layernorm": Case("SST-2", "layernorm", 1e-3),
}


def words(text: str) -> set[str]:
    return set(re.findall(r"[a-z0-9]+", text.lower()))


def overlap_rows(file: Path) -> list[str]:
    """Question, sentence and 5 times the share of the question's words that the sentence has, a row for each pair."""
    rows = []
    for line in file.read_text(encoding="utf-8").splitlines()[1:]:
        fields = line.split("\t")
        if len(fields) < 3 or len(fields[1].split()) + len(fields[2].split()) > LONGEST_PAIR:
            continue
        question, sentence = words(fields[1]), words(fields[2])
        if question:
            rows.append(f"{fields[1]}\t{fields[2]}\t{5 * len(question & sentence) / len(question):.3f}")
    return rows


def write_tasks(glue: Path, target: Path) -> None:
    """Below `target`: STS-B, whose scores are the word overlap of QNLI's pairs, and SST-2."""
    for task in ("QNLI", "SST-2"):
        if not (glue / task / "train.tsv").is_file():
            raise SystemExit(f"{glue / task}: no train.tsv; GLUE's official layout is needed there")
        (target / task.replace("QNLI", "STS-B")).mkdir(parents=True, exist_ok=True)
    for split in ("train", "dev"):
        rows = overlap_rows(glue / "QNLI" / f"{split}.tsv")
        lines = ["sentence1\tsentence2\tscore", *rows[: None if split == "train" else DEV_EXAMPLES]]
        (target / "STS-B" / f"{split}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    shutil.copy(glue / "SST-2" / "train.tsv", target / "SST-2" / "train.tsv")
    lines = (glue / "SST-2" / "dev.tsv").read_text(encoding="utf-8").splitlines()[: 1 + DEV_EXAMPLES]
    (target / "SST-2" / "dev.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
