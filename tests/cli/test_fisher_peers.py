"""Fisher information beside that of another program."""

import json
import subprocess
from pathlib import Path

import pytest

h5py = pytest.importorskip("h5py")
np = pytest.importorskip("numpy")

from peers import HOW, peers_python  # noqa: E402

HERE = Path(__file__).parent
EXAMPLES = 24
SEPARATOR = 3  # the id of [SEP]


def texts_of(job, rows):
    """Token ids and types of MNLI's rows; None if a text is longer than the model."""
    file = job.folder / "rows.tsv"
    file.write_text("".join(rows))
    result = job.program("tokenize", job.keys["model.path"], file, "MNLI")
    assert result.returncode == 0, result.stderr
    texts = []
    for line in result.stdout.splitlines():
        ids = [int(token) for token in line.split()]
        first = ids.index(SEPARATOR) + 1
        texts.append((ids, [0] * first + [1] * (len(ids) - first)) if len(ids) <= 48 else None)
    return texts


def test_nngeometry_computes_the_same_exact_expectation(own_glue, job):
    python = peers_python("nngeometry")
    if python is None:
        pytest.skip(f"no Python with nngeometry: {HOW}")
    train = own_glue / "MNLI" / "train.tsv"
    header, *rows = train.read_text().splitlines(keepends=True)
    texts = texts_of(job, [header, *rows])
    fitting = [place for place, text in enumerate(texts) if text][:EXAMPLES]
    train.write_text("".join([header, *(rows[place] for place in fitting)]))
    job.keys |= {"data.tasks": "MNLI", "data.train_examples": "0", "sweep.methods": "full", "run.keep": "trained"}
    job.keys |= {"fisher.mode": "true", "fisher.examples": "0"}
    result = job.run("fisher")
    assert result.returncode == 0, result.stdout + result.stderr
    with h5py.File(job.merged) as file:
        (run,), (trial,) = file["fisher/id"].asstr()[:], file["fisher/trial"].asstr()[:]
        ours = {name: values[:].ravel() for name, values in file[f"fisher_parameters/{run}"].items()}
    exported = job.folder / "exported"
    assert job.run("export", trial, exported).returncode == 0

    found = subprocess.run(
        [python, HERE / "nngeometry_fisher.py", exported],
        input=json.dumps([texts[place] for place in fitting]),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert found.returncode == 0, found.stderr
    theirs = {name: np.array(values) for name, values in json.loads(found.stdout).items()}
    assert {"bert.pooler.dense.weight", "classifier.bias"} <= set(theirs)
    for name, values in theirs.items():
        if "key.bias" in name:  # rounding errors
            continue
        assert np.linalg.norm(ours[name] - values) <= 1e-4 * np.linalg.norm(values), name
