"""Writes result files that follow the schema, with h5py alone. Samples of them: make_sample.py."""

from dataclasses import dataclass, field

import h5py
import numpy as np

METRICS = ["accuracy", "f1", "matthews", "pearson", "spearman", "accuracy_mismatched"]
MEASURES = ["mean_abs", "rms", "relative_l2", "max_abs"]
TEXT = h5py.string_dtype("utf-8")
NEXUS_SIGNALS = {
    "trials": ("score", ["trial"]), "change": ("mean_abs", ["trial", ".", "."]),
    "fisher": ("mean", ["run", ".", "."]), "evaluations": ("loss", ["row"]), "history": ("loss", ["row"]),
}  # fmt: skip
TRIAL_DEFAULTS = {
    "id": "", "task": "RTE", "method": "full", "learning_rate": 1e-5, "seed": 1, "state": "done",
    "metric": "accuracy", "score": np.nan, "final_score": np.nan, "best_step": 0, "steps": 100, "error": "",
    "trainable_parameters": 1000, "total_parameters": 1000, "train_examples": 2490, "dev_examples": 277,
    "wall_seconds": 10.0, "device": "cpu", "rank": 0, "threads": 1, "hostname": "node1", "mask": "",
    "gpu": "", "gpu_software": "", "selection": "dev", "selection_hash": "", "selection_examples": 0,
    "selection_score": np.nan, "kept_bytes": 0, "examples_per_second": np.nan, "tokens_per_second": np.nan,
    "energy_joules": np.nan, "peak_host_bytes": 0, "peak_device_bytes": 0,
}  # fmt: skip
FISHER_DEFAULTS = {
    "id": "", "task": "RTE", "mode": "empirical", "examples": 1024, "batch_size": 1, "at": "full",
    "point": 1.0, "step": 100, "learning_rate": 2e-5, "seed": 1, "trial": "", "ranks": 2, "threads": 1,
    "reducer": "mpi", "device": "cpu", "hostname": "node1", "wall_seconds": 5.0,
    "gpu": "", "gpu_software": "", "precision": "float32",
}  # fmt: skip


@dataclass
class Content:
    """What goes into a file.

    `change` maps a measure to `[trial, layer, component]`, `fisher` one to `[run, layer, component]`,
    `scales` a name to `[run, layer]`,
    `fisher_parameters` a run's id to tensors by name, `fisher_masks` a mask's id to its attributes and,
    under `indices`, flat indices by tensor name. `added_change` maps a trial's id, `added_fisher` a run's
    id, to the columns of its added tensors, among them `tensor`.
    """

    trials: list[dict]
    attributes: dict = field(default_factory=dict)
    layers: list[str] = field(default_factory=list)
    components: list[str] = field(default_factory=list)
    size: np.ndarray | None = None
    roles: np.ndarray | None = None  # of text, as files of schema version 4 have them
    change: dict[str, np.ndarray] = field(default_factory=dict)
    evaluations: list[dict] = field(default_factory=list)
    history: list[dict] = field(default_factory=list)
    predictions: dict[str, tuple] = field(default_factory=dict)
    fisher_runs: list[dict] = field(default_factory=list)
    fisher: dict[str, np.ndarray] = field(default_factory=dict)
    scales: dict[str, np.ndarray] = field(default_factory=dict)
    fisher_parameters: dict[str, dict[str, np.ndarray]] = field(default_factory=dict)
    fisher_masks: dict[str, dict] = field(default_factory=dict)
    added_change: dict[str, dict[str, list]] = field(default_factory=dict)
    added_fisher: dict[str, dict[str, list]] = field(default_factory=dict)
    screening: list[dict] = field(default_factory=list)
    ablation: list[dict] = field(default_factory=list)


def write_file(path, content):
    with h5py.File(path, "w", libver="earliest", track_order=True) as file:
        attributes = {
            "schema_version": 3 if content.roles is None else 4,
            "tunescope_version": "0.1.0", "git_commit": "abc1234",
            "inputs": "model 1234\ntokenizer 5678\nRTE 9abc\n",
            "job": "name = sample\n", "created": "2025-01-31T12:00:00Z", "complete": 1,
        } | content.attributes  # fmt: skip
        file.attrs.update(attributes)
        trials = [TRIAL_DEFAULTS | {"id": f"{i:016x}"} | trial for i, trial in enumerate(content.trials)]
        write_trials(file, trials)
        write_scores(file, trials)
        if content.change:
            write_change(file, content, len(trials))
        write_rows(
            file,
            "evaluations",
            content.evaluations,
            ["trial", "step"],
            ["epoch", "loss", *METRICS, "selection_score"],
        )
        write_rows(file, "history", content.history, ["trial", "step"],
                   ["loss", "learning_rate", "gradient_norm"])  # fmt: skip
        if content.screening:
            write_table(file, "screening", "rate", content.screening)
        if content.ablation:
            write_table(file, "ablation", "row", content.ablation)
        for name, (logits, label) in content.predictions.items():
            write_predictions(file, name, logits, label)
        if content.fisher_runs:
            write_fisher(file, content)
        for name, tensors in content.fisher_parameters.items():
            write_fisher_parameters(file, name, tensors)
        for name, mask in content.fisher_masks.items():
            write_fisher_mask(file, name, mask)
        for table in ("added_change", "added_fisher"):
            for name, columns in getattr(content, table).items():
                write_added(file, f"{table}/{name}", columns)
        write_nexus_defaults(file)
    return path


def write_nexus_defaults(file):
    """What a viewer that knows NeXus, such as h5web, plots first; `.` is an axis without numbers."""
    file.attrs.update({"NX_class": "NXroot", "default": "change" if "change" in file else "trials"})
    for name, (signal, axes) in NEXUS_SIGNALS.items():
        if name in file and signal in file[name]:
            file[name].attrs.update({"NX_class": "NXdata", "signal": signal})
            file[name].attrs.create("axes", axes, dtype=TEXT)


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
    packed = packing(values.shape) if values.size else {}
    dataset = parent.create_dataset(name, data=values, dtype=dtype, track_order=True, **packed)
    for axis, dimension in enumerate(scales):
        dataset.dims[axis].attach_scale(dimension)
    return dataset


def packing(shape):
    """How the program packs a dataset: whole rows of the first dimension, about 65,536 elements a chunk."""
    row = int(np.prod(shape[1:]))
    rows = min(max(65_536 // max(row, 1), 1), shape[0])
    return {"compression": "gzip", "compression_opts": 1, "shuffle": True, "chunks": (rows, *shape[1:])}


def column(rows, name, defaults):
    default = defaults[name]
    dtype = object if isinstance(default, str) else np.float64 if isinstance(default, float) else np.int64
    return np.array([row[name] for row in rows], dtype=dtype)


def write_trials(file, trials):
    parent = group(file, "trials")
    dimension = scale(parent, "trial", np.arange(len(trials)))
    for name in TRIAL_DEFAULTS:
        put(parent, name, column(trials, name, TRIAL_DEFAULTS), dimension)


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
    if content.roles is not None:
        put(parent, "role", content.roles, layer, component)
    for measure, values in content.change.items():
        put(parent, measure, values, trial, layer, component)


def write_rows(file, name, rows, integers, floats):
    parent = group(file, name)
    row = scale(parent, "row", np.arange(len(rows)))
    for key in integers:
        put(parent, key, np.array([entry[key] for entry in rows], dtype=np.int64), row)
    for key in floats:
        put(parent, key, np.array([entry.get(key, np.nan) for entry in rows], dtype=np.float64), row)


def write_table(file, name, dimension, rows):
    parent = group(file, name)
    number = scale(parent, dimension, np.arange(len(rows)))
    for key in rows[0]:
        put(parent, key, [row[key] for row in rows], number)


def write_predictions(file, name, logits, label):
    parent = group(file, f"predictions/{name}")
    logits = np.asarray(logits, np.float32)
    example = scale(parent, "example", np.arange(len(logits)))
    put(parent, "logits", logits, example, scale(parent, "class", np.arange(logits.shape[1])))
    put(parent, "label", np.asarray(label, np.float32), example)


def write_fisher(file, content):
    runs = [FISHER_DEFAULTS | {"id": f"f{i:015x}"} | run for i, run in enumerate(content.fisher_runs)]
    parent = group(file, "fisher")
    run = scale(parent, "run", np.arange(len(runs)))
    layer, component = scale(parent, "layer", content.layers), scale(parent, "component", content.components)
    put(parent, "size", content.size.astype(np.int64), layer, component)
    if content.roles is not None:
        put(parent, "role", content.roles, layer, component)
    for name in FISHER_DEFAULTS:
        put(parent, name, column(runs, name, FISHER_DEFAULTS), run)
    for measure, values in content.fisher.items():
        put(parent, measure, np.asarray(values, np.float64), run, layer, component)
    for name, values in content.scales.items():
        dataset = put(parent, name, np.asarray(values, np.float64), run, layer)
        dataset.attrs.update({"long_name": f"root mean square of {name}", "units": "1"})


def write_fisher_parameters(file, name, tensors):
    """Every axis of every length is a dimension of its own, so that square matrices have two."""
    parent = group(file, f"fisher_parameters/{name}")
    for tensor, values in tensors.items():
        values = np.asarray(values, np.float32)
        names = [f"axis{axis}_{length}" for axis, length in enumerate(values.shape)]
        axes = [
            parent[n] if n in parent else scale(parent, n, np.arange(length))
            for n, length in zip(names, values.shape, strict=True)
        ]
        put(parent, tensor, values, *axes)


def write_added(file, name, columns):
    parent = group(file, name)
    tensor = scale(parent, "tensor", columns["tensor"])
    for column_name, values in columns.items():
        if column_name != "tensor":
            put(parent, column_name, values, tensor)


def write_fisher_mask(file, name, mask):
    parent = group(file, f"fisher_masks/{name}")
    parent.attrs.update({key: mask[key] for key in ("method", "runs")})
    indices = mask["indices"]
    tensor = scale(parent, "tensor", list(indices))
    put(parent, "count", np.array([len(rows) for rows in indices.values()], np.int64), tensor)
    row = scale(parent, "row", np.arange(sum(map(len, indices.values()))))
    put(parent, "index", np.concatenate([np.asarray(rows, np.int64) for rows in indices.values()]), row)
