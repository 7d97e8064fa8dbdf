"""Job files that include others: the same trials as one file with all keys, and errors that name file and line."""

import h5py
import pytest

WRONG_INPUT = 2


def write_next(job, text):
    path = job.folder / "next.cfg"
    path.write_text(text)
    return path.name


@pytest.mark.parametrize("ranks", [1, 2])
def test_trials_are_those_of_one_file_with_all_keys(job, ranks):
    job.sweep()
    (job.folder / "base").mkdir()
    (job.folder / "base" / "base.cfg").write_text(job.text.replace("epochs = 1", "epochs = 2"))
    name = write_next(job, "include = base/base.cfg\nname = next\n[train]\nepochs = 1\n")
    result = job.program("sweep", name, ranks=ranks, cwd=job.folder)
    assert "next: 6 trials, 6 already there, 0 to run" in result.stdout, result.stderr


def test_stored_job_has_every_key_and_can_be_run_again(job):
    (job.folder / "base.cfg").write_text(job.text)
    name = write_next(job, "include = base.cfg\nname = next\n[sweep]\nmethods = layernorm\n")
    assert job.program("sweep", name, ranks=1, cwd=job.folder).returncode == 0
    with h5py.File(job.folder / "results" / "next" / "next.h5") as file:
        stored = file.attrs["job"]
    assert "include" not in stored and "methods = layernorm" in stored and "batch_size = 8" in stored
    (job.folder / "base.cfg").unlink()
    result = job.program("status", write_next(job, stored), cwd=job.folder)
    assert "2 done, 0 diverged, 0 failed, 0 missing" in result.stdout, result.stderr


@pytest.mark.parametrize(
    ("base", "message"),
    [
        (None, "next.cfg:1: include = base.cfg: expected a job file"),
        ("[train]\nepoch = 3\n", "base.cfg:2: unknown key 'train.epoch'; did you mean 'train.epochs'?"),
        ("name = a\nname = b\n", "base.cfg:2: key 'name' was already given in line 1"),
        ("include = next.cfg\n", "base.cfg:1: include = next.cfg: expected a file that does not lead back to itself"),
    ],
)
def test_wrong_inclusion_is_refused_with_file_and_line(job, base, message):
    if base is not None:
        (job.folder / "base.cfg").write_text(base)
    result = job.program("sweep", write_next(job, "include = base.cfg\n"), ranks=2, cwd=job.folder)
    assert result.returncode == WRONG_INPUT
    assert [line for line in result.stderr.splitlines() if message in line], result.stderr
