#!/usr/bin/env python3
"""Says in a few lines which tests of a CTest run took longest, and which were skipped and why.

scripts/test_summary.py JUNIT.xml
"""

import re
import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter

SLOWEST = 8
# As pytest -rs and GoogleTest print them; a reason of GoogleTest stands on the line after.
PYTEST_SKIP = re.compile(r"^SKIPPED \[(\d+)\] \S+: (.+)$", re.MULTILINE)
GTEST_SKIP = re.compile(r": Skipped\n(.+)$", re.MULTILINE)


def skips(case: ElementTree.Element) -> list[tuple[str, int]]:
    """Reasons for which tests were skipped in one entry of CTest, with how many were."""
    output = case.findtext("system-out") or ""
    found = [(reason, int(count)) for count, reason in PYTEST_SKIP.findall(output)]
    found += [(reason, 1) for reason in GTEST_SKIP.findall(output)]
    if not found and case.get("status") in ("notrun", "disabled"):
        found = [("no reason was printed", 1)]
    return found


def main() -> None:
    cases = list(ElementTree.parse(sys.argv[1]).iter("testcase"))
    slowest = sorted(cases, key=lambda case: -float(case.get("time", 0)))[:SLOWEST]
    print("slowest: " + ", ".join(f"{case.get('name')} {float(case.get('time', 0)):.0f} s" for case in slowest))
    skipped: Counter[tuple[str, str]] = Counter()
    for case in cases:
        suite = case.get("name", "").split(".")[0]
        for reason, count in skips(case):
            skipped[suite, reason] += count
    if not skipped:
        print("skipped: none")
    for (suite, reason), count in skipped.items():
        print(f"skipped: {count} of {suite}: {reason}")


if __name__ == "__main__":
    main()
