"""A sweep that is stopped, by a signal or a deadline, saves and goes on."""

import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

h5py = pytest.importorskip("h5py")

from interruption import (  # noqa: E402
    LONGER,
    STOPPED_EARLY,
    assert_same_results,
    ranks_of,
    run_to_the_end,
    start,
    wait_until,
    wait_until_training,
)
from result_files import assert_close_results  # noqa: E402

WRONG_ENVIRONMENT = 3


def test_signal_to_the_launcher_saves_and_the_next_run_goes_on_bitwise(make_job, tmp_path, undisturbed):
    job = make_job(tmp_path, LONGER)
    process = start(job)
    wait_until_training(job)
    process.send_signal(signal.SIGUSR2)
    output, _ = process.communicate(timeout=150)
    assert process.returncode == STOPPED_EARLY, output
    assert "run it again to resume" in output
    assert list((job.results / "checkpoints").glob("*/latest.safetensors"))
    run_to_the_end(job)
    assert_same_results(job, undisturbed)


def test_checkpoint_that_cannot_be_written_at_a_stop_is_named_and_the_others_are_saved(make_job, tmp_path, undisturbed):
    job = make_job(tmp_path, LONGER)
    process = start(job)
    wait_until_training(job)
    of_rank_0 = re.findall(r"trial (\w+) starts: ", (job.results / "log/rank-0.log").read_text())[-1]
    obstacle = job.results / "checkpoints" / of_rank_0
    obstacle.write_text("not a folder")
    process.send_signal(signal.SIGUSR2)
    output, _ = process.communicate(timeout=150)
    assert process.returncode == WRONG_ENVIRONMENT, output
    assert "not everything could be saved" in output
    assert f"checkpoints/{of_rank_0}" in (job.results / "log/rank-0.log").read_text()
    assert not (job.results / "failed" / f"{of_rank_0}.h5").exists()
    assert list((job.results / "checkpoints").glob("*/latest.safetensors"))
    obstacle.unlink()
    run_to_the_end(job)
    assert_same_results(job, undisturbed)


def test_lanes_are_saved_at_a_stop_and_go_on_alone(make_job, tmp_path):
    keys = {"data.tasks": "CoLA MNLI", "sweep.methods": "layernorm bitfit", "sweep.seeds": "1 2", "train.epochs": "60"}
    for name in ("alone", "lanes"):
        (tmp_path / name).mkdir()
    alone = make_job(tmp_path / "alone", keys)
    alone.sweep()
    job = make_job(tmp_path / "lanes", keys)
    process = start(job, "--run.lanes", "8", ranks=1)
    wait_until_training(job, ranks=1)
    process.send_signal(signal.SIGUSR2)
    output, _ = process.communicate(timeout=150)
    assert process.returncode == STOPPED_EARLY, output
    assert len(list((job.results / "checkpoints").glob("*/latest.safetensors"))) == 8
    run_to_the_end(job)
    for one, other in zip(alone.trial_files(), job.trial_files(), strict=True):
        assert_close_results(one, other)


def test_status_tells_what_each_rank_is_at_work_on(make_job, tmp_path):
    job = make_job(tmp_path, {**LONGER, "train.epochs": "4000"})
    process = start(job)
    wait_until_training(job)
    output = ""

    def are_both_at_work():
        nonlocal output
        output = job.run("status").stdout
        return "step 0 of" not in output and output.count("to go") == 2

    wait_until(are_both_at_work)
    process.send_signal(signal.SIGUSR2)
    process.communicate(timeout=150)
    assert "a sweep is at work here" in output
    assert "rank 0" in output and "rank 1" in output
    after = job.run("status").stdout
    assert "at work" not in after
    assert "(2 of them partly done and saved)" in after


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_signal_to_one_rank_stops_all(make_job, tmp_path, number):
    job = make_job(tmp_path, {**LONGER, "train.epochs": "2000"})
    process = start(job)
    wait_until_training(job)
    os.kill(ranks_of(process)[1], number)
    output, _ = process.communicate(timeout=150)
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


@pytest.mark.parametrize("end", ["", "soon", "1000000000"])
def test_end_of_the_slurm_allocation_that_makes_no_sense_is_ignored(make_job, tmp_path, monkeypatch, end):
    monkeypatch.setenv("SLURM_JOB_END_TIME", end)
    job = make_job(tmp_path)
    job.sweep(ranks=2)
    assert f"SLURM_JOB_END_TIME = '{end}' is not a time" in (job.results / "log" / "rank-0.log").read_text()


def test_allocation_shorter_than_the_margin_still_gets_on(make_job, tmp_path, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_END_TIME", str(int(time.time()) + 40))
    make_job(tmp_path, {"run.end_margin_seconds": "3600"}).sweep(ranks=2)


@pytest.fixture(scope="module")
def jumping_clock(tmp_path_factory):
    """A library that makes the wall clock of a process jump."""
    if shutil.which("cc") is None:
        pytest.skip("no C compiler on the PATH")
    library = tmp_path_factory.mktemp("clock") / "jumping_clock.so"
    source = Path(__file__).with_name("jumping_clock.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, source], check=True)
    return library


def test_wall_clock_that_jumps_ahead_stops_nothing_early(make_job, tmp_path, monkeypatch, undisturbed, jumping_clock):
    monkeypatch.setenv("SLURM_JOB_END_TIME", str(int(time.time()) + 3600))
    monkeypatch.setenv("CLOCK_JUMP_SECONDS", str(30 * 86400))
    monkeypatch.setenv("LD_PRELOAD", str(jumping_clock))
    job = make_job(tmp_path, {**LONGER, "run.deadline_seconds": "3000", "run.checkpoint_seconds": "0.2"})
    job.sweep(ranks=2)
    with h5py.File(job.merged) as file:
        created = file.attrs["created"]
        assert (file["trials/wall_seconds"][:] < 120).all()
    assert created > time.strftime("%Y-%m-%d", time.gmtime(time.time() + 20 * 86400)), "the clock did jump"
    assert_same_results(job, undisturbed)


def test_wall_clock_that_jumps_back_does_not_put_off_the_deadline(make_job, tmp_path, monkeypatch, jumping_clock):
    monkeypatch.setenv("CLOCK_JUMP_SECONDS", str(-30 * 86400))
    monkeypatch.setenv("LD_PRELOAD", str(jumping_clock))
    job = make_job(tmp_path, {**LONGER, "train.epochs": "5000", "run.deadline_seconds": "3"})
    begin = time.monotonic()
    assert job.run("sweep", ranks=2).returncode == STOPPED_EARLY
    assert time.monotonic() - begin < 30
    assert list((job.results / "checkpoints").glob("*/latest.safetensors"))


def test_copies_of_a_signal_do_not_cut_off_the_save(make_job, tmp_path):
    job = make_job(tmp_path, {**LONGER, "train.epochs": "2000"})
    process = start(job)
    wait_until_training(job)
    ranks = ranks_of(process)
    for _ in range(20):
        for rank in ranks:
            try:
                os.kill(rank, signal.SIGTERM)
            except ProcessLookupError:
                pass
    output, _ = process.communicate(timeout=150)
    assert process.returncode == STOPPED_EARLY, output
    assert len(list((job.results / "checkpoints").glob("*/latest.safetensors"))) == 2
