"""Make change.json: how far a tensor moved in training, by NumPy in float64.

Each case holds two float32 vectors, `initial` and `final` (written exactly), and

    mean_abs    = mean |final - initial|
    rms         = sqrt(mean (final - initial)^2)
    relative_l2 = ||final - initial|| / ||initial||
    max_abs     = max |final - initial|

Where the initial vector is all zeros, relative_l2 is 0 if the final one is too, and otherwise null,
which stands for NaN: no ratio is defined.

    python make_change_golden.py [--output FILE]
"""

import argparse
import json
from pathlib import Path

import numpy as np

Case = dict[str, object]


def relative_l2(initial: np.ndarray, difference: np.ndarray) -> float | None:
    distance, length = np.linalg.norm(difference), np.linalg.norm(initial)
    if length > 0:
        return float(distance / length)
    return 0.0 if distance == 0 else None


def change_case(name: str, initial: np.ndarray, final: np.ndarray) -> Case:
    initial = initial.astype(np.float32).astype(np.float64)
    final = final.astype(np.float32).astype(np.float64)
    difference = final - initial
    return {
        "name": name,
        "initial": initial.tolist(),
        "final": final.tolist(),
        "mean_abs": float(np.abs(difference).mean()),
        "rms": float(np.sqrt(np.square(difference).mean())),
        "relative_l2": relative_l2(initial, difference),
        "max_abs": float(np.abs(difference).max()),
    }


def change_cases(random: np.random.Generator) -> list[Case]:
    weights = random.normal(0, 0.02, 300)
    layer_norm = random.normal(1, 0.1, 64)
    wide = random.normal(0, 1, 100) * 10.0 ** random.uniform(-6, 4, 100)
    one_moved = weights.copy()
    one_moved[17] += 0.5
    pairs = {
        "independent": (random.normal(0, 1, 33), random.normal(0, 1, 33)),
        "small update of small weights": (weights, weights + random.normal(0, 1e-5, 300)),
        "LayerNorm weights": (layer_norm, layer_norm + random.normal(0, 1e-3, 64)),
        "wide range of magnitudes": (wide, wide * (1 + random.normal(0, 0.01, 100))),
        "update near float32 resolution": (1000 + layer_norm, 1000 + layer_norm + 1e-4),
        "one scalar moved": (weights, one_moved),
        "sign flipped": (weights, -weights),
        "one element": (np.array([0.5]), np.array([-0.25])),
        "equal": (weights, weights),
        "from zero": (np.zeros(16), random.normal(0, 1, 16)),
        "to zero": (random.normal(0, 1, 16), np.zeros(16)),
        "zero and equal": (np.zeros(16), np.zeros(16)),
    }
    return [change_case(name, *pair) for name, pair in pairs.items()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output", type=Path, default=Path(__file__).with_name("change.json"))
    arguments = parser.parse_args()
    cases = ",\n".join(json.dumps(case) for case in change_cases(np.random.default_rng(11)))
    arguments.output.write_text(f'{{"cases": [\n{cases}\n]}}\n')


if __name__ == "__main__":
    main()
