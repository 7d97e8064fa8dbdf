"""Small sweeps whose every expected number fits on the back of an envelope."""

import numpy as np
from make_file import Content

LAYERS = ["embeddings", "0", "1", "pooler", "head"]
COMPONENTS = [
    "word_embeddings.weight",
    "attention.output.LayerNorm.weight",
    "output.dense.weight",
    "output.LayerNorm.weight",
    "dense.weight",
    "weight",
]
SIZE = np.array(
    [
        [60, 0, 0, 0, 0, 0],
        [0, 4, 16, 4, 0, 0],
        [0, 4, 16, 4, 0, 0],
        [0, 0, 0, 0, 16, 0],
        [0, 0, 0, 0, 0, 8],
    ]
)


def trial(task, method, learning_rate, seed, score, **more):
    metric = {"CoLA": "matthews", "STS-B": "pearson", "SICK-R": "pearson"}.get(task, "accuracy")
    trainable = {"full": 132, "bitfit": 20, "layernorm": 24}[method]
    return {"task": task, "method": method, "learning_rate": learning_rate, "seed": seed, "score": score,
            "metric": metric, "trainable_parameters": trainable, "total_parameters": 132, **more}  # fmt: skip


TRIALS = [
    trial("RTE", "full", 1e-5, 1, 0.70),
    trial("RTE", "full", 1e-5, 2, 0.66),
    trial("RTE", "full", 2e-5, 1, 0.60),
    trial("RTE", "full", 2e-5, 2, 0.72),
    trial("CoLA", "full", 1e-5, 1, 0.50),
    trial("CoLA", "full", 1e-5, 2, 0.40),
    trial("CoLA", "full", 2e-5, 1, 0.52),
    trial("CoLA", "full", 2e-5, 2, 0.60),
    trial("RTE", "layernorm", 1e-3, 1, 0.69),
    trial("RTE", "layernorm", 1e-3, 2, np.nan, state="failed", error="out of memory <on device>", rank=3),
    trial("CoLA", "layernorm", 1e-3, 1, 0.58),
    trial("CoLA", "layernorm", 1e-3, 2, 0.58),
    trial("RTE", "bitfit", 1e-3, 1, 0.65),
    trial("CoLA", "bitfit", 1e-3, 1, np.nan, state="diverged"),
]


def change_of(trials):
    """Trial i moves output LayerNorm by i + 10 in layer 0 and i + 20 in layer 1; the rest by constants."""
    values = np.full((len(trials), *SIZE.shape), np.nan)
    values[:, 0, 0] = 1.0
    values[:, 1:3, 1] = 5.0
    values[:, 1:3, 2] = 2.0
    for place, entry in enumerate(trials):
        values[place, 1:3, 3] = place + 10, place + 20
        if entry.get("state", "done") != "done":
            values[place] = np.nan
    values[:, 3, 4] = 3.0
    values[:, 4, 5] = 1000.0
    return values


FISHER_RUNS = [
    {"task": "RTE", "seed": 1},
    {"task": "RTE", "seed": 2},
    {"task": "RTE", "seed": 1, "batch_size": 8},
    {"task": "RTE", "seed": 1, "examples": 256},
    {"task": "RTE", "seed": 1, "point": 0.0},
    {"task": "CoLA", "seed": 1},
]
FISHER_SCALE = [1, 3, 50, 50, 50, 8]  # so RTE's mean over seeds is twice the base map, CoLA's eight times


def fisher_of(scales):
    """Output LayerNorm has 10 and 20 a scalar, the rest constants; totals depend on the tensors' sizes."""
    base = np.full(SIZE.shape, np.nan)
    base[0, 0], base[1:3, 1], base[1:3, 2], base[1:3, 3] = 1.0, 5.0, 2.0, (10.0, 20.0)
    base[3, 4], base[4, 5] = 3.0, 100.0
    mean = np.array(scales, dtype=float)[:, None, None] * base
    total = mean * SIZE
    share = total / np.nansum(total, axis=(1, 2), keepdims=True)
    return {"mean": mean, "sum": total, "max": 2 * mean, "share": share}


def fisher_fields():
    """Fisher runs of the small sweep; scalars are kept of the first three."""
    norm, dense = "bert.encoder.layer.0.output.LayerNorm.weight", "bert.encoder.layer.0.output.dense.weight"
    values = [[4.0, 3.0, 2.0, 1.0], [4.0, 3.0, 1.0, 2.0], [1.0, 2.0, 3.0, 4.0]]
    kept = {f"f{i:015x}": {norm: row, dense: np.full((4, 4), i + 1.0)} for i, row in enumerate(values)}
    mask = {"method": "fisher:pool=layernorm,fraction=0.5,scope=task", "runs": f"f{0:015x}",
            "indices": {norm: [0, 1]}}  # fmt: skip
    return {"fisher_runs": FISHER_RUNS, "fisher": fisher_of(FISHER_SCALE), "fisher_parameters": kept,
            "fisher_masks": {"m" + 15 * "0": mask}}  # fmt: skip


def small_content(**fields):
    base = change_of(TRIALS)
    return Content(
        TRIALS, layers=LAYERS, components=COMPONENTS, size=SIZE,
        change={"mean_abs": base, "rms": 2 * base, "relative_l2": base / 100, "max_abs": 3 * base},
        evaluations=[{"trial": 0, "step": 50, "epoch": 0.5, "loss": 0.9, "accuracy": 0.6},
                     {"trial": 0, "step": 100, "epoch": 1.0, "loss": 0.7, "accuracy": 0.7}],
        history=[{"trial": 0, "step": 1, "loss": 1.0, "learning_rate": 1e-6, "gradient_norm": 2.0}],
        predictions={f"{0:016x}": ([[1.0, 2.0], [3.0, 0.0], [0.0, 1.0]], [1, 0, 0])},
        **fields,
    )  # fmt: skip


SWEEP_PARAMETERS = {
    "full": 1000,
    "bitfit": 110,
    "layernorm": 60,
    "layernorm-output": 30,
    "layernorm-attention": 30,
}
SWEEP_RATES = {"full": 1e-5}
LEARNED_TASKS = ("CoLA", "STS-B", "SICK-R")  # whose metrics, correlations, tell of learning by themselves


def sweep(differences, seeds=4, tasks=LEARNED_TASKS):
    """Scores of `full`, and of methods that lie by `differences` from it on every task and seed."""
    rng = np.random.default_rng(0)
    trials = []
    for task in tasks:
        for seed in range(1, seeds + 1):
            score = 0.6 + 0.01 * rng.normal()
            for method, difference in {"full": 0.0, **differences}.items():
                noise = 0.0 if method == "full" else 0.001 * rng.normal()
                own = trial(task, "full", SWEEP_RATES.get(method, 1e-3), seed, score + difference + noise)
                own |= {"method": method, "trainable_parameters": SWEEP_PARAMETERS.get(method, 12)}
                trials.append(own)
    return trials


def sizes_sweep(gaps):
    """One task a size, `layernorm-output` behind `full` by `gaps`."""
    return [
        trial("RTE", "full", 1e-5, 1, 0.8 - gap) | {"task": f"task{place}", "method": method,
                                                    "train_examples": 10 ** (place + 2)}
        for place, own in enumerate(gaps)
        for method, gap in (("full", 0.0), ("layernorm-output", own))
    ]  # fmt: skip


def seed_scores(task, method, values):
    return [trial(task, "full", 1e-5, seed, value) | {"method": method} for seed, value in enumerate(values)]


def ordered_sweep():
    """On RTE every seed of `full` is above all of `layernorm`; `bitfit` has one seed, CoLA one method."""
    low, high = [0.50, 0.51, 0.49, 0.50, 0.52], [0.70, 0.71, 0.69, 0.72, 0.70]
    return [*seed_scores("RTE", "full", high), *seed_scores("RTE", "layernorm", low),
            *seed_scores("RTE", "bitfit", [0.6]), *seed_scores("CoLA", "layernorm", low)]  # fmt: skip
