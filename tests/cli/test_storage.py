"""Disks that are full, folders that cannot be written, and results that other programs have opened."""

import os
import subprocess

import pytest

h5py = pytest.importorskip("h5py")

WRONG_INPUT = 2
WRONG_ENVIRONMENT = 3
LAYERNORM = {"data.tasks": "CoLA", "sweep.methods": "layernorm", "sweep.seeds": "1 2"}


def run_limited(job, command, kilobytes):
    """Run a command whose files may not grow beyond a limit, which fails writes as a full disk does."""
    job.file.write_text(job.text)
    script = f'ulimit -f {kilobytes}; exec "$0" "$@"'
    program = [str(job.program.binary), command, job.file.name]
    return subprocess.run(["bash", "-c", script, *program], cwd=job.folder, capture_output=True, text=True, timeout=300)


def run_with_full_folder(job, folder, kilobytes, command="sweep", launcher=()):
    """A command to which a folder of the job's results is a disk of this size; afterwards it is empty."""
    if subprocess.run(["unshare", "-rm", "true"], capture_output=True).returncode != 0:
        pytest.skip("this user may not mount a filesystem, not even in a namespace")
    job.file.write_text(job.text)
    (job.results / folder).mkdir(parents=True)
    script = f'mount -t tmpfs -o size={kilobytes}k tmpfs "{job.results / folder}" && exec "$0" "$@"'
    program = [*launcher, str(job.program.binary), command, job.file.name]
    environment = os.environ | {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    return subprocess.run(["unshare", "-rm", "sh", "-c", script, *program], cwd=job.folder, env=environment,
                          capture_output=True, text=True, timeout=300)  # fmt: skip


def identifiers(path):
    with h5py.File(path) as file:
        return sorted(file["trials/id"].asstr()[:])


def leftovers(job):
    return [path for path in job.folder.rglob("*.partial")]


@pytest.fixture
def swept(make_job, tmp_path):
    job = make_job(tmp_path, LAYERNORM)
    job.sweep()
    return job


def test_trials_that_another_program_opened_for_writing_count(swept):
    for path in swept.trial_files():
        h5py.File(path, "a").close()
    for command in ("status", "merge"):
        result = swept.run(command)
        assert (result.returncode, result.stderr) == (0, "")
    assert identifiers(swept.merged) == [path.stem for path in swept.trial_files()]


def test_merge_keeps_a_file_that_has_more_trials_until_it_is_told(swept):
    both = identifiers(swept.merged)
    swept.trial_files()[0].unlink()
    before = swept.merged.read_bytes()
    result = swept.run("merge")
    assert result.returncode == WRONG_INPUT
    assert all(words in result.stderr for words in ("small.h5: is kept", both[0], "--replace"))
    assert swept.merged.read_bytes() == before
    assert swept.run("merge", "--replace").returncode == 0
    assert identifiers(swept.merged) == both[1:]


def test_a_trial_that_another_program_wrote_to_is_taken_on_demand(swept):
    both = identifiers(swept.merged)
    with h5py.File(swept.trial_files()[1], "a") as file:
        file.attrs["note"] = "the best one"
    refused = swept.run("merge")
    assert refused.returncode == WRONG_INPUT
    assert "another program has written to it" in refused.stderr
    assert "--reseal" in refused.stderr
    taken = swept.run("merge", "--reseal")
    assert taken.returncode == 0, taken.stderr
    assert "has a new checksum" in taken.stderr
    assert identifiers(swept.merged) == both
    assert swept.run("status").stderr == ""


def test_a_full_disk_is_one_message_wherever_it_is_met(job):
    for kilobytes in (0, 1, 2, 3, 4, 6):
        result = run_limited(job, "plan", kilobytes)
        assert result.returncode == WRONG_ENVIRONMENT, (kilobytes, result)
        assert len(result.stderr.splitlines()) == 1, result.stderr
        assert "results/cache/" in result.stderr
    assert leftovers(job) == []


def test_a_merge_on_a_full_disk_leaves_the_file_as_it_was(swept):
    before = swept.merged.read_bytes()
    for kilobytes in range(0, len(before) // 1024, 9):
        result = run_limited(swept, "merge", kilobytes)
        assert result.returncode == WRONG_ENVIRONMENT, (kilobytes, result)
        assert len(result.stderr.splitlines()) == 1, result.stderr
    assert swept.merged.read_bytes() == before
    assert leftovers(swept) == []


def test_a_sweep_on_a_full_disk_ends_with_a_message_and_goes_on_later(make_job, tmp_path):
    job = make_job(tmp_path, LAYERNORM)
    result = run_with_full_folder(job, "trials", 12)
    assert result.returncode == WRONG_ENVIRONMENT, result
    assert "tunescope: [rank 0] " in result.stderr
    assert "results/small/trials/" in result.stderr
    assert "No space left on device" in result.stderr
    job.sweep()
    assert len(job.trial_files()) == 2
    assert leftovers(job) == []


def test_fisher_file_on_a_full_disk_ends_all_ranks(make_job, tmp_path):
    job = make_job(tmp_path, {"data.tasks": "CoLA", "fisher.examples": "8", "fisher.points": "0"})
    launcher = ("mpirun", "-n", "2", "--oversubscribe")
    result = run_with_full_folder(job, "fisher", 12, "fisher", launcher)
    assert result.returncode == WRONG_ENVIRONMENT, result
    assert "tunescope: [rank 0] results/small/fisher/" in result.stderr
    assert "tunescope: [rank 1]" not in result.stderr
    assert "No space left on device" in result.stderr
    result = job.run("fisher", ranks=2)
    assert result.returncode == 0, result
    assert "Fisher sums over mpi: " in (job.results / "log" / "rank-0.log").read_text()
    assert "Fisher sums over mpi: " not in (job.results / "log" / "rank-1.log").read_text()


def test_a_checkpoint_without_room_is_a_warning(make_job, tmp_path):
    job = make_job(tmp_path, LAYERNORM | {"sweep.methods": "full", "run.checkpoint_seconds": "0.001"})
    result = run_with_full_folder(job, "checkpoints", 64)
    assert result.returncode == 0, result
    log = (job.results / "log" / "rank-0.log").read_text()
    assert "warning: no checkpoint: " in log
    assert "attempt" not in log
    assert len(job.trial_files()) == 2


def test_a_cache_that_cannot_be_written_is_a_warning(make_job, tmp_path):
    job = make_job(tmp_path, LAYERNORM | {"data.cache": "taken/cache"})
    (tmp_path / "taken").write_text("in the way")
    result = job.run("plan")
    assert result.returncode == 0, result.stderr
    assert "warning: taken/cache: this folder cannot be written" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    job.sweep()


def test_output_that_cannot_be_written_is_an_error(job):
    job.file.write_text(job.text)
    with open("/dev/full", "w") as full:
        result = subprocess.run([job.program.binary, "plan", job.file], cwd=job.folder, stdout=full,
                                stderr=subprocess.PIPE, text=True, timeout=300)  # fmt: skip
    assert result.returncode == WRONG_ENVIRONMENT
    assert "standard output" in result.stderr
