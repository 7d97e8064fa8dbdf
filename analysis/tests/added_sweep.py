"""Sweeps with methods that add tensors, whose every expected number fits on the back of an envelope."""

import numpy as np
from make_file import Content

LAYERS = ["embeddings", "0", "1", "head"]
COMPONENTS = ["word_embeddings.weight", "attention.self.query.weight", "output.dense.weight", "weight"]
ROLES = np.array(
    [
        ["embeddings.word", "", "", ""],
        ["", "query.weight", "output.weight", ""],
        ["", "query.weight", "output.weight", ""],
        ["", "", "", "head.weight"],
    ],
    dtype=object,
)
SIZE = np.array([[60, 0, 0, 0], [0, 16, 32, 0], [0, 16, 32, 0], [0, 0, 0, 8]])
TRIALS = [
    {"method": "full", "seed": 1, "score": 0.7},
    {"method": "lora:rank=2", "seed": 1, "score": 0.6},
    {"method": "lora:rank=2", "seed": 2, "score": 0.6},
    {"method": "ia3", "seed": 1, "score": 0.6},
    {"method": "adapter:size=2", "seed": 1, "score": 0.6},
]
QUERY = "bert.encoder.layer.{}.attention.self.query.{}"


def lora(**columns):
    """Of both layers, A before B."""
    tensors = [QUERY.format(layer, f"lora_{part}.weight") for layer in (0, 1) for part in "AB"]
    return {"tensor": tensors, "size": [8] * 4, **{name: values * 2 for name, values in columns.items()}}


def ia3(**columns):
    tensors = [f"bert.encoder.layer.{layer}.output.dense.ia3_l" for layer in (0, 1)]
    return {"tensor": tensors, "size": [8] * 2, **columns}


def adapter(**columns):
    """Of both layers, the matrix and the bias down, then those up."""
    kinds = ("down.weight", "down.bias", "up.weight", "up.bias")
    tensors = [
        f"bert.encoder.layer.{layer}.output.dense.adapter_{kind}" for layer in (0, 1) for kind in kinds
    ]
    return {
        "tensor": tensors,
        "size": [8, 2, 8, 4] * 2,
        **{name: values * 2 for name, values in columns.items()},
    }


def relative_change():
    """Of the weights of queries, by trial; full fine-tuning has 0.5 and 0.6, and 0.2 in the other weights."""
    values = np.where(SIZE > 0, 0.2, np.nan)[None].repeat(len(TRIALS), axis=0)
    values[0, 1:3, 1] = 0.5, 0.6
    values[1, 1:3, 1] = 0.01
    values[2, 1:3, 1] = 0.03
    return values


def added_content():
    return Content(
        TRIALS,
        attributes={"schema_version": 7, "architecture": "BERT"},
        layers=LAYERS,
        components=COMPONENTS,
        size=SIZE,
        roles=ROLES,
        change={"mean_abs": relative_change() / 10, "relative_l2": relative_change()},
        added_change={
            f"{1:016x}": lora(rms=[0.02, 0.04], relative_l2=[0.1, np.inf]),
            f"{2:016x}": lora(rms=[0.06, 0.06], relative_l2=[0.3, np.inf]),
            f"{3:016x}": ia3(rms=[0.05, 0.05], relative_l2=[0.05, 0.05]),
            f"{4:016x}": adapter(rms=[0.01, 0.03, 0.04, 0.02], relative_l2=[0.5, np.inf, 0.4, np.inf]),
            f"{0:016x}": {"tensor": ["bert.unknown"], "size": [3], "rms": [1.0], "relative_l2": [1.0]},
        },
        fisher_runs=[
            {"at": "lora:rank=2", "point": 0.0},
            {"at": "lora:rank=2"},
            {"at": "full"},
            {"at": "adapter:size=2"},
        ],
        fisher={"mean": np.where(SIZE > 0, 1.0, np.nan)[None].repeat(4, axis=0)},
        added_fisher={
            f"f{0:015x}": lora(mean=[0.0, 9.0], sum=[0.0, 72.0], max=[0.0, 10.0]),
            f"f{1:015x}": lora(mean=[2.5, 7.0], sum=[20.0, 56.0], max=[5.0, 8.0]),
            f"f{3:015x}": adapter(
                mean=[1.0, 3.0, 2.0, 4.0], sum=[8.0, 6.0, 16.0, 16.0], max=[2.0, 4.0, 3.0, 5.0]
            ),
        },
    )


def gpt2_content():
    """One trial that adds to the queries, which share a weight with keys and values."""
    roles = np.array([["query_key_value.weight"]], dtype=object)
    tensors = [f"transformer.h.0.attn.c_attn.query.lora_{part}.weight" for part in "AB"]
    change = np.full((1, 1, 1), 0.25)
    return Content(
        [TRIALS[1]],
        attributes={"schema_version": 7, "architecture": "GPT-2"},
        layers=["0"],
        components=["attn.c_attn.weight"],
        size=np.array([[48]]),
        roles=roles,
        change={"mean_abs": change, "relative_l2": change},
        added_change={
            f"{0:016x}": {"tensor": tensors, "size": [8, 8], "rms": [0.1, 0.1], "relative_l2": [0.5, np.inf]}
        },
    )
