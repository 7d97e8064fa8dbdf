"""Writes a result file of 10,000 trials of a 24-layer model, block by block: the largest that is promised.

python make_large.py large.h5
"""

import sys

import h5py
import numpy as np
from make_file import MEASURES, Content, group, packing, put, scale, write_file
from make_sample import (
    COMPONENTS,
    TASKS,
    bert_sizes,
    evaluations_of,
    fisher_runs,
    fisher_sample,
    scales_sample,
)

LAYERS, HIDDEN, VOCABULARY = 24, 1024, 28996
LABELS = ["embeddings", *map(str, range(LAYERS)), "pooler", "head"]
METHODS = {
    "full": 333_581_314, "bitfit": 274_434, "layernorm": 102_402, "layernorm-output": 51_202,
    "layernorm-attention": 51_202, "fisher:pool=layernorm,fraction=0.2,scope=task": 22_120,
    "fisher:pool=layernorm,fraction=0.2,scope=union": 22_120, "random:pool=layernorm,fraction=0.2": 22_120,
    "random:pool=layernorm,fraction=0.1": 12_085, "head": 2_050,
}  # fmt: skip
SIZES = {"CoLA": 8551, "SST-2": 67349, "MRPC": 3668, "STS-B": 5749, "QQP": 363846, "MNLI": 392702,
         "QNLI": 104743, "RTE": 2490}  # fmt: skip
RATES, SEEDS = (1e-5, 2e-5, 3e-5, 4e-5, 5e-5), 25
STEPS = 100  # of the training log of a trial
EXAMPLES = 8  # of the predictions of a trial


def trials_of():
    """8 tasks, 10 methods, 5 learning rates, 25 seeds; every thousandth diverged, one in 1,250 failed."""
    rng = np.random.default_rng(0)
    trials = [
        {"task": task, "method": method, "learning_rate": rate, "seed": seed, "metric": metric,
         "score": level - 0.02 * place / len(METHODS) + rng.normal(0, 0.006), "train_examples": SIZES[task],
         "trainable_parameters": METHODS[method], "total_parameters": METHODS["full"], "device": "cuda:0"}
        for task, (metric, level) in TASKS.items()
        for place, method in enumerate(METHODS)
        for rate in RATES
        for seed in range(1, SEEDS + 1)
    ]  # fmt: skip
    for trial in trials[7::1000]:
        trial |= {"state": "diverged", "score": np.nan, "error": "loss is nan at step 12"}
    for trial in trials[9::1250]:
        trial |= {"state": "failed", "score": np.nan, "error": "out of memory"}
    return trials


def write_change(file, trials, size):
    """The maps of all trials, a block at a time: output LayerNorm moves most."""
    parent = group(file, "change")
    dimensions = (scale(parent, "trial", np.arange(trials)), scale(parent, "layer", LABELS),
                  scale(parent, "component", COMPONENTS))  # fmt: skip
    put(parent, "size", size, *dimensions[1:])
    base = np.array([9e-4 if n.startswith("output.LayerNorm") else 2e-4 for n in COMPONENTS])
    rng = np.random.default_rng(1)
    for measure in MEASURES:
        shape = (trials, *size.shape)
        dataset = parent.create_dataset(measure, shape, np.float64, track_order=True, **packing(shape))
        for axis, dimension in enumerate(dimensions):
            dataset.dims[axis].attach_scale(dimension)
        rows = dataset.chunks[0]
        for start in range(0, trials, rows):
            count = min(rows, trials - start)
            noise = rng.lognormal(0, 0.1, (count, 1, len(COMPONENTS)))
            dataset[start : start + count] = np.where(size > 0, base * noise, np.nan)


def write_history(file, trials):
    """The training log: `STEPS` rows a trial."""
    del file["history"]
    parent = group(file, "history")
    rows = trials * STEPS
    row = scale(parent, "row", np.arange(rows))
    put(parent, "trial", np.repeat(np.arange(trials), STEPS), row)
    put(parent, "step", np.tile(np.arange(1, STEPS + 1), trials), row)
    for name in ("loss", "learning_rate", "gradient_norm"):
        put(parent, name, np.tile(1.0 / np.arange(1, STEPS + 1), trials), row)


def write_large(path):
    """The file; takes some 20 s and 300 MB of memory."""
    trials = trials_of()
    size = bert_sizes(LAYERS, HIDDEN, VOCABULARY)
    runs = fisher_runs(list(TASKS), 5)
    norms = [f"bert.encoder.layer.{i}.output.LayerNorm.{part}" for i in range(LAYERS)
             for part in ("weight", "bias")]  # fmt: skip
    maps, kept = fisher_sample(size, runs, norms)
    # of every fifth trial: groups cost time to write, and no report reads them
    predictions = {
        f"{i:016x}": (np.zeros((EXAMPLES, 2)), np.zeros(EXAMPLES)) for i in range(0, len(trials), 5)
    }
    write_file(path, Content(trials, layers=LABELS, components=COMPONENTS, size=size, fisher_runs=runs,
                             fisher=maps, scales=scales_sample(runs, LAYERS), fisher_parameters=kept,
                             evaluations=evaluations_of(trials),
                             predictions=predictions))  # fmt: skip
    with h5py.File(path, "a") as file:
        write_change(file, len(trials), size)
        write_history(file, len(trials))
    return path


if __name__ == "__main__":
    write_large(sys.argv[1])
