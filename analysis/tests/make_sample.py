"""Sample files of plausible size with invented numbers: for tests, and to look at.

python make_sample.py minilm sample.h5        # 6 layers, 8 tasks, 6 methods, 1 seed
python make_sample.py bert-large sample.h5    # 24 layers, 8 tasks, 6 methods, 3 seeds
"""

import sys

import numpy as np
from make_file import Content, write_file

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


def evaluations_of(trials):
    """Three evaluations a trial that rise to its score."""
    return [
        {"trial": place, "step": 30 * epoch, "epoch": float(epoch), "loss": 0.7 - 0.1 * epoch,
         trial["metric"]: trial["score"] - 0.03 * (3 - epoch)}
        for place, trial in enumerate(trials)
        for epoch in (1, 2, 3)
    ]  # fmt: skip


def fisher_runs(tasks, seeds):
    """Every task by each seed at one setting; for the first two tasks also a grid around it."""
    runs = [{"task": task, "seed": seed} for task in tasks for seed in range(1, seeds + 1)]
    grid = [{"batch_size": 4}, {"batch_size": 32}, {"examples": 64}, {"examples": 256}, {"point": 0.0},
            {"point": 0.5}, {"mode": "true"}, {"mode": "sampled"},
            {"at": "head", "learning_rate": 1e-3}]  # fmt: skip
    return runs + [{"task": task, "seed": 1} | change for task in tasks[:2] for change in grid]


def noise_of(run):
    """How far a setting moves the ranking, invented: the farther from the default the more."""
    return (
        0.15
        + 0.1 * np.log2(1024 / run.get("examples", 1024))
        + 0.2 * np.log2(run.get("batch_size", 1))
        + (1.5 * (1 - run.get("point", 1.0)) + 0.3 * ("mode" in run) + 1.0 * ("at" in run))
    )


def fisher_sample(size, runs, names):
    """Maps and LayerNorm scalars of the runs: LayerNorm first, later layers more, scaled by task."""
    rng = np.random.default_rng(1)
    is_norm = np.array(["LayerNorm" in name for name in COMPONENTS])
    is_output = np.array([name.startswith("output.LayerNorm") for name in COMPONENTS])
    level = np.where(is_output, 3e-3, np.where(is_norm, 1e-3, 2e-6)) * np.linspace(0.3, 3, len(size))[:, None]
    level[:, COMPONENTS.index("attention.self.key.bias")] *= 1e-6
    level[-1] = 5e-2
    scalars = {name: 1e-3 * rng.lognormal(0, 1.5, 64) for name in names}
    scale_of = {task: rng.lognormal(0, 1.5) for task in TASKS}
    means, kept = [], {}
    for place, run in enumerate(runs):
        noise, scale = noise_of(run), scale_of[run["task"]]
        means.append(np.where(size > 0, level * scale * rng.lognormal(0, noise, size.shape), np.nan))
        kept[f"f{place:015x}"] = {
            name: scale * values * rng.lognormal(0, noise, values.shape) for name, values in scalars.items()
        }
    mean = np.array(means)
    total = mean * size
    share = total / np.nansum(total, axis=(1, 2), keepdims=True)
    return {"mean": mean, "sum": total, "max": 30 * mean, "share": share}, kept


def scales_sample(runs, layers):
    """Gradients that grow with depth, halved by each LayerNorm on their way down."""
    depth = np.array([np.nan, *np.linspace(1, 2, layers), np.nan, np.nan])
    with_embeddings = np.where(np.arange(len(depth)) == 0, 0.9, depth)
    one = {
        "hidden_rms": 1.1 - 0.1 * with_embeddings,
        "attention_branch_rms": 0.4 * depth,
        "feed_forward_branch_rms": 0.6 * depth,
        "hidden_gradient_rms": 1e-3 * with_embeddings,
        "attention_branch_gradient_rms": 4e-4 * depth,
        "feed_forward_branch_gradient_rms": 5e-4 * depth,
    }
    return {name: np.tile(values, (len(runs), 1)) for name, values in one.items()}


def sample(layers, hidden, vocabulary, seeds, learning_rates=(2e-5,), tasks=tuple(TASKS)):
    """A sweep of some tasks and six methods, with invented numbers of plausible size."""
    rng = np.random.default_rng(0)
    size = bert_sizes(layers, hidden, vocabulary)
    is_norm = np.array(["LayerNorm" in name for name in COMPONENTS])
    is_output = np.array([name.startswith("output.LayerNorm") for name in COMPONENTS])
    is_bias = np.array([name.endswith("bias") for name in COMPONENTS])
    pool = {"full": np.ones(len(COMPONENTS), bool), "bitfit": is_bias, "layernorm": is_norm,
            "layernorm-output": is_output, "random:pool=layernorm,fraction=0.2": is_norm,
            "fisher:pool=layernorm,fraction=0.2,scope=task": is_norm}  # fmt: skip
    trials, maps = [], []
    for task in tasks:
        metric, level = TASKS[task]
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
    runs = fisher_runs(list(tasks), seeds)
    norms = [
        f"bert.encoder.layer.{i}.output.LayerNorm.{part}"
        for i in range(layers)
        for part in ("weight", "bias")
    ]
    maps, kept = fisher_sample(size, runs, norms)
    return Content(trials, layers=labels, components=COMPONENTS, size=size, change=change, fisher_runs=runs,
                   fisher=maps, scales=scales_sample(runs, layers), fisher_parameters=kept,
                   evaluations=evaluations_of(trials))  # fmt: skip


def three_tasks():
    """As few tasks and layers as verdicts on most tasks and on depth need."""
    return sample(6, 384, 30522, 1, tasks=("CoLA", "MRPC", "RTE"))


SAMPLES = {
    "minilm": lambda: sample(6, 384, 30522, 1),
    "bert-large": lambda: sample(24, 1024, 28996, 3),
}

if __name__ == "__main__":
    write_file(sys.argv[2], SAMPLES[sys.argv[1]]())
