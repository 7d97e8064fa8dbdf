"""A sweep that is stopped, killed or crowded out loses nothing."""

import os
import random
import signal
import subprocess
import time

import pytest

h5py = pytest.importorskip("h5py")
np = pytest.importorskip("numpy")

from test_sweep import contents  # noqa: E402

WRONG_INPUT = 2
STOPPED_EARLY = 75
LONGER = {"sweep.methods": "full layernorm", "train.epochs": "40", "sweep.seeds": "1 2", "data.train_examples": "128"}


def start(job, ranks=2):
    """The sweep as a background process in a process group of its own."""
    job.file.write_text(job.text)
    environment = os.environ | {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    command = ["mpirun", "--oversubscribe", "-n", str(ranks), str(job.program.binary), "sweep", job.file.name]
    return subprocess.Popen(
        command, cwd=job.folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True,
    )  # fmt: skip


def ranks_of(process):
    """Process ids of the ranks below this mpirun."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat") as stat:
                fields = stat.read().rsplit(")", 1)
            with open(f"/proc/{entry}/comm") as name:
                is_rank = name.read().strip() == "tunescope"
        except OSError:
            continue
        if is_rank and int(fields[1].split()[1]) == process.pid:
            found.append(int(entry))
    return found


def wait_until(condition, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")


@pytest.fixture(scope="module")
def undisturbed(make_job, tmp_path_factory):
    job = make_job(tmp_path_factory.mktemp("undisturbed"), LONGER)
    job.sweep(ranks=2)
    return job


def assert_same_results(job, undisturbed):
    names = [path.name for path in undisturbed.trial_files()]
    assert [path.name for path in job.trial_files()] == names
    for one, other in zip(undisturbed.trial_files(), job.trial_files(), strict=True):
        assert contents(one) == contents(other), one.name
    assert list((job.results / "checkpoints").iterdir()) == []
    assert not [path for path in job.results.rglob("*.partial")]


def run_to_the_end(job, limit=100):
    for _ in range(limit):
        result = job.run("sweep", ranks=2)
        if result.returncode == 0:
            return
        assert result.returncode == STOPPED_EARLY, result.stdout + result.stderr
    raise AssertionError(f"not done after {limit} starts")


def test_signal_to_the_launcher_saves_and_the_next_run_goes_on_bitwise(make_job, tmp_path, undisturbed):
    job = make_job(tmp_path, LONGER)
    process = start(job)
    wait_until(lambda: len(ranks_of(process)) == 2)
    time.sleep(1.5)
    process.send_signal(signal.SIGUSR2)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == STOPPED_EARLY, output
    assert "run it again to go on" in output
    assert list((job.results / "checkpoints").glob("*/latest.safetensors"))
    run_to_the_end(job)
    assert_same_results(job, undisturbed)


def test_signal_to_one_rank_stops_all(make_job, tmp_path):
    job = make_job(tmp_path, {**LONGER, "train.epochs": "2000"})
    process = start(job)
    wait_until(lambda: len(ranks_of(process)) == 2)
    time.sleep(2)
    os.kill(ranks_of(process)[1], signal.SIGTERM)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == STOPPED_EARLY, output
    assert len(list((job.results / "checkpoints").glob("*/latest.safetensors"))) == 2


def test_deadline_cuts_the_sweep_into_pieces_with_the_same_result(make_job, tmp_path, undisturbed):
    job = make_job(tmp_path, {**LONGER, "run.deadline_seconds": "1"})
    run_to_the_end(job)
    assert_same_results(job, undisturbed)


def test_end_of_the_slurm_allocation_is_a_deadline(make_job, tmp_path, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_END_TIME", str(int(time.time()) + 5))
    job = make_job(tmp_path, {**LONGER, "train.epochs": "5000", "run.end_margin_seconds": "3"})
    begin = time.monotonic()
    assert job.run("sweep", ranks=2).returncode == STOPPED_EARLY
    assert time.monotonic() - begin < 30


def test_killed_at_random_moments_loses_nothing(make_job, tmp_path, undisturbed):
    kills = int(os.environ.get("TUNESCOPE_KILLS", "8"))
    job = make_job(tmp_path, {**LONGER, "run.checkpoint_seconds": "0.2"})
    generator = random.Random(7)
    for _ in range(kills):
        process = start(job)
        time.sleep(generator.uniform(0.2, 3.0))
        victims = ranks_of(process)
        if victims and generator.random() < 0.5:
            os.kill(generator.choice(victims), signal.SIGKILL)
        else:
            os.killpg(process.pid, signal.SIGKILL)
            for victim in victims:
                try:
                    os.kill(victim, signal.SIGKILL)
                except ProcessLookupError:
                    pass
        process.communicate(timeout=60)
        wait_until(lambda process=process: not ranks_of(process))
    run_to_the_end(job)
    assert_same_results(job, undisturbed)


@pytest.mark.parametrize("damage", ["truncated", "flipped", "both"])
def test_damaged_checkpoint_is_named_and_the_one_before_is_used(make_job, tmp_path, undisturbed, damage):
    job = make_job(tmp_path, {**LONGER, "run.deadline_seconds": "2", "run.checkpoint_seconds": "0.3"})
    assert job.run("sweep", ranks=2).returncode == STOPPED_EARLY
    latest = list((job.results / "checkpoints").glob("*/latest.safetensors"))
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
    job.keys["run.deadline_seconds"] = "0"
    job.sweep(ranks=2)
    assert_same_results(job, undisturbed)
    logs = "".join(file.read_text() for file in (job.results / "log").iterdir())
    assert all(
        f"{file}: the checkpoint is damaged" in logs for file in (path.relative_to(job.folder) for path in latest)
    )


def test_second_sweep_on_the_same_folder_is_refused(make_job, tmp_path):
    job = make_job(tmp_path, {**LONGER, "train.epochs": "2000"})
    process = start(job)
    try:
        wait_until(lambda: len(ranks_of(process)) == 2 and list((job.results / "log").glob("rank-1.log")))
        result = job.run("sweep", ranks=1)
        assert result.returncode == WRONG_INPUT
        assert "another sweep is working here (process " in result.stderr
        assert job.run("status").returncode == 0
    finally:
        process.send_signal(signal.SIGUSR2)
        process.communicate(timeout=60)
    assert process.returncode == STOPPED_EARLY
