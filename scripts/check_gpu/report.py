"""How the checks ended: a line for each, and a JSON file."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

PASSED, FAILED, SKIPPED = "passed", "FAILED", "skipped"


@dataclass
class Outcome:
    """How one check ended."""

    name: str
    status: str
    seconds: float
    figure: str  # the key figure, or why it failed or was skipped
    details: dict[str, Any] = field(default_factory=dict)

    def line(self) -> str:
        return f"{self.status:<8}{self.seconds:6.1f} s  {self.name:<14} {self.figure}"


@dataclass
class Report:
    """The outcomes so far, written after each check: a run that is cut short leaves the others."""

    file: Path
    machine: dict[str, Any]
    all_names: Sequence[str] = ()  # of the checks that there are
    outcomes: list[Outcome] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        print(outcome.line(), flush=True)
        content = {"machine": self.machine, "not_run": self.not_run(), "checks": [asdict(one) for one in self.outcomes]}
        self.file.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")

    def details_of(self, name: str) -> dict[str, Any]:
        """Return what an earlier check measured; nothing if it did not run."""
        return next((outcome.details for outcome in self.outcomes if outcome.name == name), {})

    def names(self, status: str) -> list[str]:
        return [outcome.name for outcome in self.outcomes if outcome.status == status]

    def not_run(self) -> list[str]:
        """Return the checks that have neither passed nor failed: what they would show is not shown."""
        return [name for name in self.all_names if name not in self.names(PASSED) + self.names(FAILED)]

    def summary(self) -> str:
        """Return the last line: how many ended how, and whether that is all."""
        counts = ", ".join(f"{len(self.names(status))} {status.lower()}" for status in (PASSED, FAILED, SKIPPED))
        missing = len(self.not_run())
        return f"INCOMPLETE, {missing} of {len(self.all_names)} checks were not run: {counts}" if missing else counts
