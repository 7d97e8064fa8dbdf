"""Make metrics.json: GLUE's metrics on small cases, by scikit-learn and SciPy.

`classification` cases hold predictions, labels and accuracy, f1 (of label 1) and matthews; a case
with more than two classes holds accuracy alone. `regression` cases hold predictions, labels (all
exact in float32), pearson and spearman. null stands for NaN: a correlation that is undefined, because
a side is constant or there are fewer than two examples. An undefined f1 or matthews is 0, as in
scikit-learn.

    python make_metrics_golden.py [--output FILE]
"""

import argparse
import json
import math
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

Case = dict[str, object]


def classification_case(name: str, predictions: np.ndarray, labels: np.ndarray) -> Case:
    case: Case = {"name": name, "predictions": predictions.tolist(), "labels": labels.tolist()}
    case["accuracy"] = float(accuracy_score(labels, predictions))
    if max(predictions.max(), labels.max()) <= 1:
        case["f1"] = float(f1_score(labels, predictions, zero_division=0))
        case["matthews"] = float(matthews_corrcoef(labels, predictions))
    return case


def correlation(function: Callable, predictions: np.ndarray, labels: np.ndarray) -> float | None:
    if len(labels) < 2:  # SciPy raises or returns NaN, by function and release
        return None
    value = float(function(predictions, labels)[0])
    return None if math.isnan(value) else value


def regression_case(name: str, predictions: np.ndarray, labels: np.ndarray) -> Case:
    predictions = predictions.astype(np.float32).astype(np.float64)
    labels = labels.astype(np.float32).astype(np.float64)
    return {
        "name": name,
        "predictions": predictions.tolist(),
        "labels": labels.tolist(),
        "pearson": correlation(pearsonr, predictions, labels),
        "spearman": correlation(spearmanr, predictions, labels),
    }


def classification_cases(random: np.random.Generator) -> list[Case]:
    labels = random.integers(0, 2, 40)
    noisy = np.where(random.random(40) < 0.25, 1 - labels, labels)
    rare = (random.random(60) < 0.1).astype(np.int64)
    rare_predictions = np.where(random.random(60) < 0.1, 1 - rare, rare)
    three = random.integers(0, 3, 30)
    zeros, ones = np.zeros_like(labels), np.ones_like(labels)
    pairs = {
        "random": (random.integers(0, 2, 40), labels),
        "mostly right": (noisy, labels),
        "rare positives": (rare_predictions, rare),
        "all correct": (labels, labels),
        "all wrong": (1 - labels, labels),
        "constant 0": (zeros, labels),
        "constant 1": (ones, labels),
        "labels all 0": (labels, zeros),
        "labels all 1": (labels, ones),
        "all 0, correct": (zeros, zeros),
        "all 1, correct": (ones, ones),
        "all 0, labels all 1": (zeros, ones),
        "one example, true positive": (np.array([1]), np.array([1])),
        "one example, true negative": (np.array([0]), np.array([0])),
        "one example, wrong": (np.array([1]), np.array([0])),
        "two examples, correct": (np.array([0, 1]), np.array([0, 1])),
        "two examples, swapped": (np.array([1, 0]), np.array([0, 1])),
        "two examples, half right": (np.array([1, 1]), np.array([0, 1])),
        "three classes": (random.integers(0, 3, 30), three),
        "three classes, all correct": (three, three),
    }
    return [classification_case(name, *pair) for name, pair in pairs.items()]


def regression_cases(random: np.random.Generator) -> list[Case]:
    labels = random.uniform(0, 5, 50)
    tied = random.integers(0, 6, 40).astype(np.float64)
    constant = np.full(50, 2.5)
    pairs = {
        "random": (random.normal(2.5, 1, 50), labels),
        "noisy": (labels + random.normal(0, 0.5, 50), labels),
        "reversed": (5 - labels, labels),
        "equal": (labels, labels),
        "monotonic, not linear": (np.exp(labels), labels),
        "ties in labels": (tied + random.normal(0, 0.7, 40), tied),
        "ties in both": (np.round(tied + random.normal(0, 1, 40)), tied),
        "all but one tied": (np.r_[np.zeros(9), 1.0], np.arange(10.0)),
        "far from zero": (1000 + labels * 0.01, labels),
        "constant predictions": (constant, labels),
        "constant labels": (labels, constant),
        "both constant": (constant, constant),
        "one example": (np.array([1.5]), np.array([2.0])),
        "two examples, same order": (np.array([1.5, 1.75]), np.array([0.5, 4.0])),
        "two examples, other order": (np.array([1.75, 1.5]), np.array([0.5, 4.0])),
        "two examples, tied": (np.array([1.5, 1.5]), np.array([0.5, 4.0])),
        "three examples": (np.array([0.25, 3.0, 1.0]), np.array([1.0, 2.0, 3.0])),
    }
    return [regression_case(name, *pair) for name, pair in pairs.items()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output", type=Path, default=Path(__file__).with_name("metrics.json"))
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")  # undefined metrics are the point of some cases
    random = np.random.default_rng(7)
    classification = ",\n".join(json.dumps(case) for case in classification_cases(random))
    regression = ",\n".join(json.dumps(case) for case in regression_cases(random))
    text = f'{{"classification": [\n{classification}\n],\n"regression": [\n{regression}\n]}}\n'
    arguments.output.write_text(text)


if __name__ == "__main__":
    main()
