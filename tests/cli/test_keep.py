"""Which weights stay beside a trial, whatever happens to the sweep."""

import signal

import pytest

h5py = pytest.importorskip("h5py")
pytest.importorskip("numpy")

from interruption import STOPPED_EARLY, kill_all, start, wait_until  # noqa: E402
from plain_classifier import read_safetensors  # noqa: E402
from result_files import flip_a_byte, kept_file, trials  # noqa: E402


def test_by_default_weights_are_kept_where_few_are_trained(job):
    job.keys["sweep.methods"] = "full head"
    job.sweep()
    assert {method for trial, _, method in trials(job) if kept_file(job, trial).exists()} == {"head"}


def test_none_keeps_none(job):
    job.keys |= {"sweep.methods": "head", "run.keep": "none"}
    job.sweep()
    assert not list((job.results / "trials").glob("*.safetensors"))


def test_adapters_are_kept_beside_the_head_alone(job):
    job.keys |= {"sweep.methods": "adapter:size=3", "data.tasks": "CoLA", "run.keep": "trained"}
    job.sweep()
    trial = trials(job)[0][0]
    names, metadata = read_safetensors(kept_file(job, trial))
    adapters = {name for name in names if ".adapter_" in name}
    assert "bert.encoder.layer.0.attention.output.dense.adapter_down.weight" in adapters
    assert set(names) - adapters == {"classifier.weight", "classifier.bias"}
    with h5py.File(job.merged) as file:
        assert adapters == set(file[f"added_change/{trial}/tensor"].asstr()[:])


BEST = {"run.keep": "best", "sweep.methods": "layernorm", "sweep.peft_learning_rates": "3e-2",
        "data.train_examples": "128", "train.epochs": "90", "train.evaluate_every": "4"}  # fmt: skip


def best_step(job, trial):
    with h5py.File(job.results / "trials" / f"{trial}.h5") as file:
        return int(file["trials/best_step"][0])


def test_best_keeps_the_weights_of_the_best_evaluation(job):
    job.keys |= BEST
    job.sweep(ranks=2)
    steps = {trial: best_step(job, trial) for trial, *_ in trials(job)}
    for trial, step in steps.items():
        assert read_safetensors(kept_file(job, trial))[1]["step"] == str(step)
    assert any(step < 16 * 90 for step in steps.values()), "no best evaluation before the last"
    assert list((job.results / "checkpoints").iterdir()) == []


@pytest.fixture(scope="module")
def whole(make_job, tmp_path_factory):
    """A sweep that nothing happened to."""
    job = make_job(tmp_path_factory.mktemp("whole"), BEST)
    job.sweep(ranks=2)
    return job


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_best_weights_survive_interruptions(whole, make_job, tmp_path, how):
    job = make_job(tmp_path, {**BEST, "run.checkpoint_seconds": "0.1"})
    process = start(job)
    checkpoints = job.results / "checkpoints"
    wait_until(lambda: list(checkpoints.glob("*/best-*")) and list(checkpoints.glob("*/latest*")))
    if how == "kill":
        kill_all(process)
    else:
        process.send_signal(signal.SIGUSR2)
    process.communicate(timeout=300)
    assert process.returncode == (-signal.SIGKILL if how == "kill" else STOPPED_EARLY)
    job.sweep(ranks=2)
    for trial, *_ in trials(whole):
        assert kept_file(job, trial).read_bytes() == kept_file(whole, trial).read_bytes()


def test_best_weights_survive_a_damaged_checkpoint(whole, make_job, tmp_path):
    job = make_job(tmp_path, {**BEST, "run.checkpoint_seconds": "0.1"})
    process = start(job)
    checkpoints = job.results / "checkpoints"
    wait_until(lambda: list(checkpoints.glob("*/previous*")))
    kill_all(process)
    process.communicate(timeout=300)
    for previous in checkpoints.glob("*/previous.safetensors"):
        latest = previous.with_name("latest.safetensors")
        if latest.exists():  # not if the kill came while it was written
            flip_a_byte(latest)
    job.sweep(ranks=2)
    for trial, *_ in trials(whole):
        assert kept_file(job, trial).read_bytes() == kept_file(whole, trial).read_bytes()


def test_weights_that_nobody_asks_for_any_more_are_removed(job):
    job.keys |= {"sweep.methods": "head", "run.keep": "trained"}
    job.sweep()
    for trial, *_ in trials(job):
        assert kept_file(job, trial).exists()
        (job.results / "trials" / f"{trial}.h5").unlink()
    job.keys["run.keep"] = "none"
    job.sweep()
    assert not list((job.results / "trials").glob("*.safetensors"))


def test_another_job_takes_over_the_weights_with_the_trial(job, make_job):
    job.keys |= {"sweep.methods": "head", "run.keep": "none"}
    job.sweep()
    other = make_job(job.folder, {**job.keys, "name": "other", "run.keep": "trained"})
    assert "0 already there" in other.sweep().stdout, "a trial without weights does not count where they are asked for"
    third = make_job(job.folder, {**job.keys, "name": "third", "run.keep": "trained"})
    assert "2 already there" in third.sweep().stdout
    for trial, *_ in trials(third):
        assert kept_file(third, trial).samefile(kept_file(other, trial))


def test_damaged_weights_of_another_job_are_not_taken_over(job, make_job):
    job.keys |= {"sweep.methods": "head", "data.tasks": "CoLA", "run.keep": "trained"}
    job.sweep()
    trial = trials(job)[0][0]
    flip_a_byte(kept_file(job, trial), 0.9)
    other = make_job(job.folder, {**job.keys, "name": "other"})
    assert "0 already there" in other.sweep().stdout
    assert read_safetensors(kept_file(other, trial))[1]["trial"] == trial


def test_last_weights_are_not_taken_for_the_best(job, make_job):
    job.keys |= {**BEST, "data.tasks": "CoLA", "run.keep": "trained"}
    job.sweep()
    other = make_job(job.folder, {**job.keys, "name": "other", "run.keep": "best"})
    is_best_last = best_step(job, trials(job)[0][0]) == int(
        read_safetensors(kept_file(job, trials(job)[0][0]))[1]["step"]
    )
    assert ("1 already there" if is_best_last else "0 already there") in other.sweep().stdout
    for trial, *_ in trials(other):
        assert read_safetensors(kept_file(other, trial))[1]["step"] == str(best_step(other, trial))


def test_a_trial_trained_again_keeps_what_was_kept(job):
    """An option of one run; a later one trains the trial again, because its file is damaged."""
    job.keys |= {"sweep.methods": "full", "data.tasks": "CoLA", "run.keep": None}
    job.sweep("--run.keep", "trained")
    trial = trials(job)[0][0]
    flip_a_byte(job.results / "trials" / f"{trial}.h5")
    job.sweep()
    assert kept_file(job, trial).exists()
