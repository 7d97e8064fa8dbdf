"""Model folders that other tools wrote, from `plan` to the merged file. Their reading has tests in C++."""

import json
import struct

import pytest

h5py = pytest.importorskip("h5py")
np = pytest.importorskip("numpy")

from result_files import contents  # noqa: E402

POOLER = ["bert.pooler.dense.weight", "bert.pooler.dense.bias"]


def remove_tensors(weights, names):
    """Take tensors out of a safetensors file's header; their bytes stay."""
    content = weights.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    for name in names:
        del header[name]
    text = json.dumps(header).encode()
    weights.write_bytes(struct.pack("<Q", len(text)) + text + content[8 + length :])


@pytest.fixture
def without_pooler(own_model):
    remove_tensors(own_model / "model.safetensors", POOLER)
    return own_model


def test_plan_says_what_was_recognized_in_one_line(job):
    result = job.run("plan")
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0].startswith("model: BERT, 2 layers, hidden 32, 4 heads, 48 positions; tokenizer: ")
    assert lines[1] == "  left out: classifier.* (2 tensors); each trial draws a head of its own"
    assert lines[2].startswith("task ")
    assert not result.stderr


def test_plan_names_what_is_drawn_anew_and_warns(job, without_pooler):
    result = job.run("plan")
    assert result.returncode == 0, result.stderr
    assert "  newly drawn: bert.pooler.dense" in result.stdout
    assert [line for line in result.stderr.splitlines() if "no pooler" in line] == result.stderr.splitlines()


def test_sweep_without_a_pooler_is_the_same_on_any_number_of_ranks(job, without_pooler):
    job.keys |= {"sweep.methods": "full layernorm fisher:fraction=0.25", "data.tasks": "CoLA", "fisher.examples": "8"}
    job.keys |= {"sweep.seeds": "1 2", "run.results": "one"}
    warnings = [line for line in job.sweep().stderr.splitlines() if "no pooler" in line]
    assert len(warnings) == 1
    one = {path.name: contents(path) for path in job.trial_files()}
    with h5py.File(job.merged) as file:
        assert file.attrs["drawn_anew"].split() == POOLER
        methods = file["trials/method"].asstr()[:]
        pooler = list(file["change/layer"].asstr()[:]).index("pooler")
        weight = list(file["change/component"].asstr()[:]).index("dense.weight")
        change = file["change/mean_abs"][:, pooler, weight]
        assert np.all((change > 0) == (methods == "full"))
    job.keys["run.results"] = "two"
    job.sweep(ranks=2)
    assert one == {path.name: contents(path) for path in job.trial_files()}
