"""Make the binary seeds below corpus/: safetensors files, checkpoints, SentencePiece models, and results in HDF5.

    python make_seeds.py

The results have every group and column that the readers want, but many names share one dataset: a small file, of which
every byte matters, is fuzzed best. They are sealed, so that at least the seeds themselves get past the checksum.
"""

import hashlib
import json
import struct
import sys
import tempfile
from pathlib import Path

import h5py
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))
from unigram_model import train_unigram  # noqa: E402

CORPUS = Path(__file__).parent / "corpus"
DEFLATED = {"compression": "gzip", "shuffle": True}

TRIAL_TEXTS = "id task method mask state metric precision device hostname error".split()
TRIAL_NUMBERS = "learning_rate score final_score wall_seconds".split()
TRIAL_INTEGERS = (
    "seed best_step steps trainable_parameters total_parameters train_examples dev_examples rank threads".split()
)
METRICS = "accuracy f1 matthews pearson spearman accuracy_mismatched".split()
FISHER_TEXTS = "id task mode at trial device reducer hostname".split()
FISHER_NUMBERS = "point learning_rate wall_seconds".split()
FISHER_INTEGERS = "examples batch_size step seed ranks threads".split()


def safetensors(tensors: dict[str, np.ndarray], metadata: dict[str, str]) -> bytes:
    """A file of float32 and float64 tensors, in alphabetical order."""
    header: dict[str, object] = {"__metadata__": metadata}
    data = b""
    for name, values in sorted(tensors.items()):
        begin = len(data)
        data += values.tobytes()
        header[name] = {
            "dtype": {"float32": "F32", "float64": "F64"}[str(values.dtype)],
            "shape": values.shape,
            "data_offsets": [begin, len(data)],
        }
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def checkpoint(kind: type, scores: int = len(METRICS)) -> bytes:
    """A run's state after two steps and one evaluation, with its checksum."""
    state = {
        "steps": 2,
        "seconds": 1.5,
        "best_evaluation": 0,
        "output_size": 2,
        "history": [[1, 0.7, 1e-3, 2.0], [2, 0.6, 5e-4, 1.5]],
        "evaluations": [[2, 1.0, 0.65, [0.5, *[None] * (scores - 1)]]],
    }
    text = json.dumps(state)
    tensors = {
        name: np.arange(length, dtype=kind)
        for name, length in {
            "values": 3,
            "first_moments": 3,
            "second_moments": 3,
            "logits": 4,
            "label": 2,
            "logits_mismatched": 0,
            "label_mismatched": 0,
        }.items()
    }
    checksum = hashlib.sha256(text.encode())
    for name, values in sorted(tensors.items()):
        checksum.update(name.encode() + values.tobytes())
    return safetensors(tensors, {"state": text, "sha256": checksum.hexdigest()})


def unigram(**normalization: str) -> bytes:
    """A small SentencePiece model."""
    sentences = ["the river runs", "the river ran", "a river is running", "the runner runs"]
    return train_unigram(sentences, vocab_size=24, hard_vocab_limit=False, **normalization)


def write_models(folder: Path) -> None:
    """One that normalizes nothing, and one with two rules, so that its table of rules is small."""
    (folder / "identity.model").write_bytes(unigram(normalization_rule_name="identity"))
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as rules:
        rules.write("FF21\t41\nFB01\t66 69\n")
        rules.flush()
        (folder / "two-rules.model").write_bytes(unigram(normalization_rule_tsv=rules.name))


def share(group: h5py.Group, names: list[str], values: object, **options: object) -> None:
    """One dataset under several names."""
    group.create_dataset(names[0], data=values, **options)
    for name in names[1:]:
        group[name] = group[names[0]]


def texts(*values: str) -> np.ndarray:
    return np.array(values, dtype=h5py.string_dtype())


def write_axes(group: h5py.Group, sizes: list[int]) -> None:
    share(group, ["layer", "component"], texts("a", "b"))
    share(group, ["size"], np.array(sizes))


def write_trial(file: h5py.File, sizes: list[int]) -> None:
    row = file.create_group("trials")
    share(row, TRIAL_TEXTS, texts("t"))
    share(row, TRIAL_NUMBERS, np.array([0.5]))
    share(row, TRIAL_INTEGERS, np.array([7]))
    share(file.create_group("scores"), ["best", "final"], np.linspace(0.0, 1.0, len(METRICS)))
    change = file.create_group("change")
    write_axes(change, sizes)
    share(change, ["mean_abs", "rms", "relative_l2", "max_abs"], np.ones((1, 2, 2)))
    evaluations = file.create_group("evaluations")
    share(evaluations, ["step"], np.array([5, 10]))
    share(evaluations, ["epoch", "loss", *METRICS], np.array([0.5, 0.25]))
    history = file.create_group("history")
    share(history, ["step"], np.array([1, 2, 3]))
    share(history, ["loss", "learning_rate", "gradient_norm"], np.array([3.0, 2.0, 1.0]))
    predictions = file.create_group("predictions/t")
    share(predictions, ["logits", "logits_mismatched"], np.zeros((2, 2), np.float32))
    share(predictions, ["label", "label_mismatched"], np.array([0, 1], np.float32))


def write_fisher(file: h5py.File, sizes: list[int]) -> None:
    group = file.create_group("fisher")
    share(group, FISHER_TEXTS, texts("r"))
    share(group, FISHER_NUMBERS, np.array([1.0]))
    share(group, FISHER_INTEGERS, np.array([4]))
    write_axes(group, sizes)
    share(group, ["mean", "sum", "max", "share"], np.ones((1, 2, 2)))
    share(file.create_group("fisher_parameters/r"), ["w"], np.ones((2, 3), np.float32))


def seal(path: Path) -> None:
    """End a file with its checksum, as programs of version 0.1 did: without one no reader looks at the rest."""
    content = path.read_bytes()
    path.write_bytes(content + b"\ntunescope sha256 " + hashlib.sha256(content).hexdigest().encode() + b"\n")


def main() -> None:
    weights = {"a": np.ones((2, 3), np.float32), "b": np.zeros((0, 4), np.float64), "c": np.array(2.0, np.float32)}
    (CORPUS / "safetensors" / "three-tensors").write_bytes(safetensors(weights, {"format": "pt"}))
    (CORPUS / "checkpoint" / "two-steps").write_bytes(checkpoint(np.float32))
    (CORPUS / "checkpoint" / "double-precision").write_bytes(checkpoint(np.float64))
    (CORPUS / "checkpoint" / "fewer-scores").write_bytes(checkpoint(np.float32, scores=2))
    write_models(CORPUS / "unigram")
    with h5py.File(CORPUS / "result" / "list-for-version.h5", "w", libver=("earliest", "v110")) as file:
        file.attrs["schema_version"] = np.ones(200, np.int64)
    seal(CORPUS / "result" / "list-for-version.h5")
    for name, write, sizes in [
        ("trial.h5", write_trial, [6, 0, 3, 2]),
        ("fisher.h5", write_fisher, [6, 0, 3, 2]),
        ("fisher-fewer-sizes.h5", write_fisher, [6]),
    ]:
        with h5py.File(CORPUS / "result" / name, "w", libver=("earliest", "v110"), meta_block_size=512) as file:
            file.attrs["schema_version"] = np.int64(1)
            write(file, sizes)
        seal(CORPUS / "result" / name)


if __name__ == "__main__":
    main()
