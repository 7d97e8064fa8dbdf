"""A sweep whose first trials all fail: what is broken is not theirs, so it ends before all others fail as well."""

import shutil

import pytest

h5py = pytest.importorskip("h5py")

from result_files import contents  # noqa: E402

SOME_FAILED = 1
WRONG_INPUT = 2


@pytest.fixture(scope="module")
def sound(make_job, tmp_path_factory):
    job = make_job(tmp_path_factory.mktemp("sound"))
    job.sweep()
    return job


@pytest.fixture
def failing(make_job, tmp_path, sound):
    """The same job, whose checkpoints are damaged and cannot be put aside."""
    job = make_job(tmp_path, {"run.retries": "0", "run.stop_after_failures": "2"})
    for trial in sound.trial_files():
        folder = job.results / "checkpoints" / trial.stem
        (folder / "latest.safetensors.damaged").mkdir(parents=True)
        (folder / "latest.safetensors").write_text("damaged")
    return job


@pytest.mark.parametrize("ranks", [1, 2])
def test_sweep_ends_with_the_error_and_goes_on_when_the_cause_is_gone(failing, sound, ranks):
    result = failing.sweep(ranks=ranks, expected_status=SOME_FAILED)
    assert "small: ended early, because all of the first 2 trials failed, 1 of them with: " in result.stderr
    assert "latest.safetensors.damaged" in result.stderr
    assert "--run.stop_after_failures 0" in result.stderr
    failed = list((failing.results / "failed").iterdir())
    assert len(failed) == 2 if ranks == 1 else len(failed) >= 2  # a rank may fail others while one starts slowly
    shutil.rmtree(failing.results / "checkpoints")
    assert "6 of 6 trials done" in failing.sweep(ranks=ranks).stdout
    assert contents(failing.merged) == contents(sound.merged)


def test_a_sweep_that_shares_its_folder_does_not_wait_for_others(failing):
    assert "ended early" in failing.sweep("--share", expected_status=SOME_FAILED).stderr


def test_all_trials_are_tried_if_the_job_says_so(failing):
    result = failing.sweep("--run.stop_after_failures", "0", expected_status=SOME_FAILED)
    assert "0 of 6 trials done, 6 failed or diverged" in result.stdout


def test_one_trial_that_is_done_keeps_the_sweep_going(failing):
    shutil.rmtree(sorted((failing.results / "checkpoints").iterdir())[0])
    result = failing.sweep("--run.stop_after_failures", "6", expected_status=SOME_FAILED)
    assert "1 of 6 trials done, 5 failed or diverged" in result.stdout


@pytest.mark.parametrize("value", ["-1", "few", "1.5", ""])
def test_a_wrong_number_is_refused(failing, value):
    failing.keys["run.stop_after_failures"] = value
    result = failing.run("sweep", ranks=1)
    assert result.returncode == WRONG_INPUT
    assert f"job.cfg:{failing.line_of('run.stop_after_failures')}: run.stop_after_failures" in result.stderr
    assert "expected a whole number, 0 or more" in result.stderr
