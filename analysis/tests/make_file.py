"""Writes result files that follow the schema, with h5py alone: for tests, and as sample data.

python make_file.py minilm sample.h5        # 6 layers, 8 tasks, 5 methods, 1 seed
python make_file.py bert-large sample.h5    # 24 layers, 8 tasks, 5 methods, 3 seeds
"""

import sys
from dataclasses import dataclass, field

import h5py
import numpy as np

METRICS = ["accuracy", "f1", "matthews", "pearson", "spearman", "accuracy_mismatched"]
MEASURES = ["mean_abs", "rms", "relative_l2", "max_abs"]
TEXT = h5py.string_dtype("utf-8")
TRIAL_DEFAULTS = {
    "id": "", "task": "RTE", "method": "full", "learning_rate": 1e-5, "seed": 1, "state": "done",
    "metric": "accuracy", "score": np.nan, "final_score": np.nan, "best_step": 0, "steps": 100,
    "trainable_parameters": 1000, "total_parameters": 1000, "train_examples": 2490, "dev_examples": 277,
    "wall_seconds": 10.0, "device": "cpu", "rank": 0, "threads": 1, "hostname": "node1", "error": "",
}  # fmt: skip
EMBEDDINGS = ["word_embeddings.weight", "position_embeddings.weight", "token_type_embeddings.weight",
              "LayerNorm.weight", "LayerNorm.bias"]  # fmt: skip
BLOCK = [
    f"{module}.{part}"
    for module in ("attention.self.query", "attention.self.key", "attention.self.value",
                   "attention.output.dense", "attention.output.LayerNorm", "intermediate.dense",
                   "output.dense", "output.LayerNorm")
    for part in ("weight", "bias")
]  # fmt: skip
COMPONENTS = [*EMBEDDINGS, *BLOCK, "dense.weight", "dense.bias", "weight", "bias"]


@dataclass
class Content:
    """What goes into a file. `change` maps a measure to `[trial, layer, component]`."""

    trials: list[dict]
    attributes: dict = field(default_factory=dict)
    layers: list[str] = field(default_factory=list)
    components: list[str] = field(default_factory=list)
    size: np.ndarray | None = None
    change: dict[str, np.ndarray] = field(default_factory=dict)
    evaluations: list[dict] = field(default_factory=list)
    history: list[dict] = field(default_factory=list)
    predictions: dict[str, tuple] = field(default_factory=dict)


def write_file(path, content):
    with h5py.File(path, "w", libver="earliest", track_order=True) as file:
        attributes = {
            "schema_version": 1, "tunescope_version": "0.1.0", "git_commit": "abc1234",
            "job": "name = sample\n", "created": "2025-01-31T12:00:00Z", "complete": 1,
        } | content.attributes  # fmt: skip
        file.attrs.update(attributes)
        trials = [TRIAL_DEFAULTS | {"id": f"{i:016x}"} | trial for i, trial in enumerate(content.trials)]
        write_trials(file, trials)
        write_scores(file, trials)
        if content.change:
            write_change(file, content, len(trials))
        write_rows(file, "evaluations", content.evaluations, ["trial", "step"], ["epoch", "loss", *METRICS])
        write_rows(file, "history", content.history, ["trial", "step"],
                   ["loss", "learning_rate", "gradient_norm"])  # fmt: skip
        for name, (logits, label) in content.predictions.items():
            write_predictions(file, name, logits, label)
    return path


def group(file, name):
    return file.create_group(name, track_order=True)


def scale(parent, name, values):
    dataset = put(parent, name, values)
    dataset.make_scale(name)
    return dataset


def put(parent, name, values, *scales):
    values = np.asarray(values)
    if values.dtype.kind in "UO":
        values = values.astype(object)
    dtype = TEXT if values.dtype == object else values.dtype
    packed = {"compression": "gzip", "shuffle": True, "chunks": values.shape} if values.size else {}
    dataset = parent.create_dataset(name, data=values, dtype=dtype, track_order=True, **packed)
    for axis, dimension in enumerate(scales):
        dataset.dims[axis].attach_scale(dimension)
    return dataset


def column(rows, name):
    default = TRIAL_DEFAULTS[name]
    dtype = object if isinstance(default, str) else np.float64 if isinstance(default, float) else np.int64
    return np.array([row[name] for row in rows], dtype=dtype)


def write_trials(file, trials):
    parent = group(file, "trials")
    dimension = scale(parent, "trial", np.arange(len(trials)))
    for name in TRIAL_DEFAULTS:
        put(parent, name, column(trials, name), dimension)


def write_scores(file, trials):
    parent = group(file, "scores")
    dimensions = scale(parent, "trial", np.arange(len(trials))), scale(parent, "metric", METRICS)
    for name, source in (("best", "score"), ("final", "final_score")):
        values = np.full((len(trials), len(METRICS)), np.nan)
        for place, trial in enumerate(trials):
            values[place, METRICS.index(trial["metric"])] = trial[source]
        put(parent, name, values, *dimensions)


def write_change(file, content, trials):
    parent = group(file, "change")
    trial = scale(parent, "trial", np.arange(trials))
    layer, component = scale(parent, "layer", content.layers), scale(parent, "component", content.components)
    put(parent, "size", content.size.astype(np.int64), layer, component)
    for measure, values in content.change.items():
        put(parent, measure, values, trial, layer, component)


def write_rows(file, name, rows, integers, floats):
    parent = group(file, name)
    row = scale(parent, "row", np.arange(len(rows)))
    for key in integers:
        put(parent, key, np.array([entry[key] for entry in rows], dtype=np.int64), row)
    for key in floats:
        put(parent, key, np.array([entry.get(key, np.nan) for entry in rows], dtype=np.float64), row)


def write_predictions(file, name, logits, label):
    parent = group(file, f"predictions/{name}")
    logits = np.asarray(logits, np.float32)
    example = scale(parent, "example", np.arange(len(logits)))
    put(parent, "logits", logits, example, scale(parent, "class", np.arange(logits.shape[1])))
    put(parent, "label", np.asarray(label, np.float32), example)


TASKS = {"CoLA": ("matthews", 0.60), "SST-2": ("accuracy", 0.93), "MRPC": ("f1", 0.90),
         "STS-B": ("spearman", 0.89), "QQP": ("f1", 0.87), "MNLI": ("accuracy", 0.86),
         "QNLI": ("accuracy", 0.92), "RTE": ("accuracy", 0.70)}  # fmt: skip


def bert_sizes(layers, hidden, vocabulary):
    """Scalars `[layer, component]` of a BERT with a two-class head."""
    size = np.zeros((layers + 3, len(COMPONENTS)), dtype=np.int64)
    place = {name: index for index, name in enumerate(COMPONENTS)}
    for name, rows in zip(EMBEDDINGS, (vocabulary, 512, 2, 1, 1), strict=True):
        size[0, place[name]] = rows * hidden
    for name in BLOCK:
        is_matrix = name.endswith("weight") and "LayerNorm" not in name
        wide = 4 if name == "intermediate.dense.bias" or (is_matrix and "attention" not in name) else 1
        size[1 : layers + 1, place[name]] = wide * hidden * (hidden if is_matrix else 1)
    size[layers + 1, [place["dense.weight"], place["dense.bias"]]] = hidden * hidden, hidden
    size[layers + 2, [place["weight"], place["bias"]]] = 2 * hidden, 2
    return size


def sample(layers, hidden, vocabulary, seeds, learning_rates=(2e-5,)):
    """A sweep of eight tasks and five methods, with invented numbers of plausible size."""
    rng = np.random.default_rng(0)
    size = bert_sizes(layers, hidden, vocabulary)
    is_norm = np.array(["LayerNorm" in name for name in COMPONENTS])
    is_output = np.array([name.startswith("output.LayerNorm") for name in COMPONENTS])
    is_bias = np.array([name.endswith("bias") for name in COMPONENTS])
    pool = {"full": np.ones(len(COMPONENTS), bool), "bitfit": is_bias, "layernorm": is_norm,
            "layernorm-output": is_output, "random:pool=layernorm,fraction=0.2": is_norm}  # fmt: skip
    trials, maps = [], []
    for task, (metric, level) in TASKS.items():
        for method, trained in pool.items():
            for rate in learning_rates:
                for seed in range(1, seeds + 1):
                    score = level + rng.normal(0, 0.006) - 0.01 * (method != "full") * rng.random()
                    fraction = 0.2 if "fraction" in method else 1.0
                    trainable = int(fraction * size[:-1, trained].sum() + size[-1].sum())
                    trials.append({
                        "task": task, "method": method, "learning_rate": rate, "seed": seed, "metric": metric,
                        "score": score, "final_score": score - 0.002, "trainable_parameters": trainable,
                        "total_parameters": int(size.sum()), "wall_seconds": 100 + 20 * rng.random(),
                        "device": "cuda:0", "best_step": 90,
                    })  # fmt: skip
                    depth = np.linspace(0.6, 1.4, layers + 3)[:, None]
                    level_of = np.where(is_output, 9e-4, np.where(is_norm, 5e-4, 1.5e-4))
                    change = level_of * depth * rng.lognormal(0, 0.25, size.shape)
                    change[:, [COMPONENTS.index("attention.self.key.bias")]] *= 0.01
                    change[-1] = 8e-4
                    change[:-1, ~trained] = 0.0
                    maps.append(np.where(size > 0, change, np.nan))
    base = np.array(maps)
    labels = ["embeddings", *map(str, range(layers)), "pooler", "head"]
    change = {"mean_abs": base, "rms": 1.3 * base, "relative_l2": 8 * base / (1 + 20 * is_norm),
              "max_abs": 6 * base}  # fmt: skip
    return Content(trials, layers=labels, components=COMPONENTS, size=size, change=change)


SAMPLES = {
    "minilm": lambda: sample(6, 384, 30522, 1),
    "bert-large": lambda: sample(24, 1024, 28996, 3),
}

if __name__ == "__main__":
    write_file(sys.argv[2], SAMPLES[sys.argv[1]]())
