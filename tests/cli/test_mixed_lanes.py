"""Trials of different methods in one pass: each has the numbers that it has alone, also after a kill."""

import pytest

h5py = pytest.importorskip("h5py")
np = pytest.importorskip("numpy")

from interruption import assert_no_debris, kill_all, run_to_the_end, start, wait_until  # noqa: E402

# The lowest trained layer of the last two is that of the embeddings, so they have lanes of their own.
METHODS = (
    "lora:rank=2",
    "lora:rank=4,targets=output+query+value",
    "ia3",
    "adapter:size=3",
    "adapter:placement=pfeiffer,size=2",
    "layernorm-output",
    "layernorm",
    "bitfit",
)
KEYS = {
    "data.tasks": "CoLA",
    "data.train_examples": "64",
    "sweep.methods": " ".join(METHODS),
    "sweep.peft_learning_rates": "5e-4",
    "train.epochs": "40",
}


@pytest.fixture(scope="module")
def alone(make_job, tmp_path_factory):
    """Each trial in passes of its own."""
    job = make_job(tmp_path_factory.mktemp("alone"), KEYS)
    job.sweep()
    assert job.largest_group(ranks=1) == 1
    return job


def assert_same_to_rounding(job, alone):
    assert len(alone.trial_files()) == len(METHODS)
    assert [path.name for path in job.trial_files()] == [path.name for path in alone.trial_files()]
    for one, other in zip(alone.trial_files(), job.trial_files(), strict=True):
        with h5py.File(one) as first, h5py.File(other) as second:
            method = first["trials/method"].asstr()[0]
            assert first["trials/score"][0] == second["trials/score"][0], method
            (trial,) = first["predictions"]
            logits = [file[f"predictions/{trial}/logits"][:] for file in (first, second)]
            np.testing.assert_allclose(*logits, atol=1e-4, err_msg=method)
            tables = ["change"] + [f"added_change/{trial}"] * ("added_change" in first)
            for table in tables:
                for measure in ("mean_abs", "rms", "max_abs"):
                    values = [file[f"{table}/{measure}"][:] for file in (first, second)]
                    np.testing.assert_allclose(*values, rtol=1e-3, atol=1e-6, err_msg=f"{method} {table} {measure}")
    assert_no_debris(job)


@pytest.mark.parametrize(("ranks", "lanes"), [(1, 6), (2, 2)])
def test_methods_that_share_lanes_give_what_each_gives_alone(make_job, tmp_path, alone, ranks, lanes):
    job = make_job(tmp_path, {**KEYS, "run.lanes": "8"})
    job.sweep(ranks=ranks)
    assert job.largest_group(ranks) >= lanes
    assert_same_to_rounding(job, alone)


@pytest.mark.parametrize("ranks", [1, 2])
def test_killed_in_the_middle_they_go_on_to_the_same_numbers(make_job, tmp_path, alone, ranks):
    job = make_job(tmp_path, {**KEYS, "run.lanes": "8", "run.checkpoint_seconds": "0.01"})
    process = start(job, ranks=ranks)
    wait_until(lambda: len(list((job.results / "checkpoints").glob("*/latest.safetensors"))) > 1)
    kill_all(process)
    process.communicate()
    assert len(job.trial_files()) < len(METHODS)
    run_to_the_end(job)
    assert "resumes after step" in "".join(log.read_text() for log in (job.results / "log").iterdir())
    assert_same_to_rounding(job, alone)
