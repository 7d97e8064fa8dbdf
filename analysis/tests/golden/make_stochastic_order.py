"""Writes stochastic_order.json: violation ratios and bounds of random samples by deep-significance.

python make_stochastic_order.py, after `pip install deepsig==1.2.8`. Its integral is a sum over steps of
`STEP` and its bootstrap draws other random numbers, so a test compares within both.
"""

import importlib
import json
from pathlib import Path

import numpy as np

STEP = 0.0005
SAMPLES = [(5, 5, 0.5), (3, 3, 0.5), (10, 8, 0.3), (20, 20, 0.0), (5, 10, 1.0), (4, 7, -0.5)]


def main():
    deepsig = importlib.import_module("deepsig.aso")
    rng = np.random.default_rng(1)
    cases = []
    for n, m, shift in SAMPLES:
        first, second = rng.normal(shift, 1, n).round(6), rng.normal(0, 1, m).round(6)
        ratio = deepsig.compute_violation_ratio(first, second, dt=STEP)
        bound = deepsig.aso(first, second, num_bootstrap_iterations=4000, seed=1, show_progress=False)
        cases.append({"first": first.tolist(), "second": second.tolist(), "ratio": float(ratio),
                      "bound": float(bound)})  # fmt: skip
    path = Path(__file__).parent / "stochastic_order.json"
    path.write_text(json.dumps(cases, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
