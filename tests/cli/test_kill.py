"""Whatever ends a sweep or damages what it saved, nothing is lost."""

import os
import random
import signal
import subprocess
from collections import Counter

import pytest

h5py = pytest.importorskip("h5py")

from interruption import (  # noqa: E402
    LONGER,
    STOPPED_EARLY,
    assert_no_debris,
    assert_same_results,
    kill_all,
    ranks_of,
    run_to_the_end,
    start,
    wait_until,
)
from result_files import contents  # noqa: E402

WRONG_ENVIRONMENT = 3


def is_running(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def kill_at_random(process, generator):
    """Kills one rank, mpirun or all of them, and waits until all are gone; returns which, None where it had ended."""
    try:
        process.wait(generator.uniform(0.2, 4.0))
        return None
    except subprocess.TimeoutExpired:
        ranks = ranks_of(process)
    victim = generator.choice(["one rank", "mpirun", "all"]) if ranks else "mpirun"
    if victim == "all":
        kill_all(process)
    else:
        os.kill(process.pid if victim == "mpirun" else generator.choice(ranks), signal.SIGKILL)
    process.communicate(timeout=150)
    wait_until(lambda: not any(is_running(rank) for rank in ranks), seconds=10)
    return victim


def lost_trials(job, undisturbed):
    """How many trials are missing or have other numbers."""
    return sum(
        not (file := job.results / "trials" / path.name).exists() or contents(file) != contents(path)
        for path in undisturbed.trial_files()
    )


def test_killed_at_random_moments_loses_nothing(make_job, tmp_path, undisturbed, capsys):
    kills = int(os.environ.get("TUNESCOPE_KILLS", "9"))
    generator = random.Random(7)
    killed, sweeps, launches, lost = Counter(), 0, 0, 0
    while killed.total() < kills:
        sweeps += 1
        (folder := tmp_path / f"sweep-{sweeps}").mkdir()
        job = make_job(folder, {**LONGER, "run.checkpoint_seconds": "0.2"})
        is_done = False
        while not is_done and killed.total() < kills:
            launches += 1
            process = start(job)
            victim = kill_at_random(process, generator)
            killed.update([victim] if victim else [])
            is_done = process.returncode == 0
            assert is_done or victim, process.communicate()[0]
        run_to_the_end(job)
        lost += lost_trials(job, undisturbed)
        assert_no_debris(job)
    with capsys.disabled():
        by_victim = ", ".join(f"{count} of {victim}" for victim, count in sorted(killed.items()))
        print(f"\n{killed.total()} kills ({by_victim}), {launches} launches of {sweeps} sweeps, lost: {lost}")
    assert lost == 0
    assert contents(job.merged) == contents(undisturbed.merged)


@pytest.fixture
def checkpoint_beside_a_trial(make_job, tmp_path):
    """A finished job, and a checkpoint of its first trial."""
    job = make_job(tmp_path)
    job.sweep()
    checkpoint = job.results / "checkpoints" / job.trial_files()[0].stem / "latest.safetensors"
    checkpoint.parent.mkdir()
    checkpoint.write_bytes(b"a checkpoint")
    return job, checkpoint


def test_older_checkpoint_of_a_trial_that_is_there_is_removed(checkpoint_beside_a_trial):
    job, checkpoint = checkpoint_beside_a_trial
    os.utime(checkpoint, (0, 0))  # left by a kill between the trial's file and its removal
    job.sweep()
    assert_no_debris(job)


def test_newer_checkpoint_of_a_trial_that_is_there_is_kept(checkpoint_beside_a_trial):
    job, checkpoint = checkpoint_beside_a_trial  # as of a training that is done again for a Fisher run
    job.sweep()
    assert checkpoint.exists()


@pytest.mark.parametrize("damage", ["truncated", "flipped", "both"])
def test_damaged_checkpoint_is_named_and_the_one_before_is_used(make_job, tmp_path, undisturbed, damage):
    job = make_job(tmp_path, {**LONGER, "run.checkpoint_seconds": "0.1"})
    process = start(job)
    wait_until(lambda: list(job.results.glob("checkpoints/*/latest.safetensors")))
    process.send_signal(signal.SIGUSR2)
    output, _ = process.communicate(timeout=150)
    assert process.returncode == STOPPED_EARLY, output
    latest = list(job.results.glob("checkpoints/*/latest.safetensors"))
    assert latest
    for file in [*latest, *(file.with_name("previous.safetensors") for file in latest if damage == "both")]:
        if not file.exists():
            continue
        content = bytearray(file.read_bytes())
        if damage == "truncated":
            del content[len(content) // 2 :]
        else:
            content[len(content) // 2] ^= 1
        file.write_bytes(content)
    job.sweep(ranks=2)
    assert_same_results(job, undisturbed)
    logs = "".join(file.read_text() for file in (job.results / "log").iterdir())
    assert all(
        f"{file}: the checkpoint is damaged" in logs for file in (path.relative_to(job.folder) for path in latest)
    )


def test_damaged_checkpoint_does_not_displace_the_one_before(make_job, tmp_path):
    job = make_job(tmp_path, {**LONGER, "run.deadline_seconds": "1", "run.checkpoint_seconds": "0.3"})
    job.keys["train.epochs"] = "2000"
    assert job.run("sweep", ranks=2).returncode == STOPPED_EARLY
    latest = list((job.results / "checkpoints").glob("*/latest.safetensors"))
    for file in latest:
        file.write_bytes(b"damaged")
    job.keys["run.checkpoint_seconds"] = "0"  # the next save is the one at the deadline
    assert job.run("sweep", ranks=2).returncode == STOPPED_EARLY
    assert latest
    assert not [
        file for file in (job.results / "checkpoints").glob("*/*.safetensors") if file.read_bytes() == b"damaged"
    ]


@pytest.fixture
def small_disk(tmp_path):
    """A filesystem of 1 MiB, and a function that makes it larger."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(options):
        return subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, text=True)

    result = mount("size=1m")
    if result.returncode != 0:
        pytest.skip(f"a small filesystem cannot be mounted here: {result.stderr.strip()}")
    yield folder, lambda: mount("remount,size=64m")
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_full_disk_ends_the_sweep_with_a_message_and_loses_nothing(make_job, small_disk, undisturbed):
    folder, enlarge = small_disk
    job = make_job(folder, LONGER)
    (folder / "ballast").write_bytes(bytes(900_000))
    result = job.run("sweep", ranks=2)
    assert result.returncode == WRONG_ENVIRONMENT, result.stdout + result.stderr
    assert "is the filesystem full?" in result.stderr or "No space left on device" in result.stderr
    for path in job.trial_files():
        with h5py.File(path) as file:
            assert file["trials/state"].asstr()[0] == "done"
    assert enlarge().returncode == 0
    run_to_the_end(job)
    assert_same_results(job, undisturbed)
