"""Two sweeps on one results folder: one is refused, or they share the work."""

import re
import signal

import pytest

h5py = pytest.importorskip("h5py")

from interruption import (  # noqa: E402
    LONGER,
    STOPPED_EARLY,
    assert_same_results,
    kill_all,
    ranks_of,
    start,
    wait_until,
    wait_until_training,
)
from result_files import contents  # noqa: E402

WRONG_INPUT = 2


def test_second_sweep_on_the_same_folder_is_refused(make_job, tmp_path):
    job = make_job(tmp_path, {**LONGER, "train.epochs": "2000"})
    process = start(job)
    try:
        wait_until(lambda: len(ranks_of(process)) == 2 and list((job.results / "log").glob("rank-1.log")))
        result = job.run("sweep", ranks=1)
        assert result.returncode == WRONG_INPUT
        assert "another sweep is working here (process " in result.stderr
        assert "start both with --share" in result.stderr
        assert job.run("status").returncode == 0
    finally:
        process.send_signal(signal.SIGUSR2)
        process.communicate(timeout=150)
    assert process.returncode == STOPPED_EARLY


def trials_started(job):
    """Identifiers of trials in the order in which any rank of any sweep began to train them."""
    logs = "".join(path.read_text() for path in (job.results / "log").iterdir())
    return re.findall(r"trial (\w+) starts:", logs)


def test_sweeps_that_share_a_folder_train_every_trial_once(make_job, tmp_path, undisturbed):
    job = make_job(tmp_path, LONGER)
    sweeps = [start(job, "--share") for _ in range(2)]
    outputs = [process.communicate(timeout=300)[0] for process in sweeps]
    assert [process.returncode for process in sweeps] == [0, 0], outputs
    assert all("8 of 8 trials done" in output for output in outputs)
    assert sorted(trials_started(job)) == sorted(path.stem for path in undisturbed.trial_files())
    assert_same_results(job, undisturbed)
    assert contents(job.merged) == contents(undisturbed.merged)
    assert not (job.results / "running").exists()


def test_trials_of_a_killed_sweep_are_taken_over_by_the_one_it_shared_with(make_job, tmp_path, undisturbed):
    job = make_job(tmp_path, LONGER)
    killed = start(job, "--share")
    wait_until_training(job)
    other = start(job, "--share", ranks=1)
    wait_until(lambda: len(trials_started(job)) >= 3)
    kill_all(killed)
    killed.communicate(timeout=150)
    output, _ = other.communicate(timeout=300)
    assert other.returncode == 0, output
    assert contents(job.merged) == contents(undisturbed.merged)
    job.sweep()  # alone in the folder, so that it removes what the killed one left half-written
    assert_same_results(job, undisturbed)


def test_sweeps_that_share_a_folder_compute_fisher_information_once(make_job, tmp_path):
    job = make_job(tmp_path, {"sweep.methods": "fisher:fraction=0.25 layernorm", "fisher.examples": "8"})
    sweeps = [start(job, "--share", ranks=1) for _ in range(2)]
    outputs = [process.communicate(timeout=300)[0] for process in sweeps]
    assert [process.returncode for process in sweeps] == [0, 0], outputs
    assert sum("2 to compute" in output for output in outputs) == 1
    assert len(trials_started(job)) == 2 + 4, "two sources of Fisher information and four trials, each once"


def test_share_belongs_to_sweep(make_job, tmp_path):
    result = make_job(tmp_path).run("fisher", "--share", ranks=1)
    assert result.returncode == WRONG_INPUT
    assert "--share belongs to tunescope sweep" in result.stderr
