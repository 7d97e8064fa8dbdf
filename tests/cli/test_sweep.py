"""Sweeps: the same numbers on any number of ranks, nothing trained twice, nothing lost."""

import os
import re
import shutil
import time

import pytest

h5py = pytest.importorskip("h5py")

from result_files import assert_close_results, contents, flip_a_byte  # noqa: E402

SOME_FAILED = 1
WRONG_INPUT = 2
WRONG_ENVIRONMENT = 3


@pytest.fixture(scope="module")
def swept(make_job, tmp_path_factory):
    """The same job on 1, 2 and 4 ranks, each in its own folder."""
    jobs = {}
    for ranks in (1, 2, 4):
        jobs[ranks] = make_job(tmp_path_factory.mktemp(f"on_{ranks}"))
        jobs[ranks].sweep(ranks=ranks)
    return jobs


@pytest.mark.parametrize("ranks", [2, 4])
def test_any_number_of_ranks_gives_the_same_bits(swept, ranks):
    alone, together = swept[1], swept[ranks]
    names = [path.name for path in alone.trial_files()]
    assert len(names) == 6
    assert [path.name for path in together.trial_files()] == names
    for one, many in zip(alone.trial_files(), together.trial_files(), strict=True):
        assert contents(one) == contents(many)
    assert contents(alone.merged) == contents(together.merged)


@pytest.mark.parametrize("ranks", [1, 2])
def test_lanes_give_what_separate_trials_give(make_job, tmp_path, ranks):
    keys = {"sweep.methods": "full layernorm bitfit head", "sweep.seeds": "1 2 3 4", "data.tasks": "CoLA STS-B"}
    for name in ("alone", "together"):
        (tmp_path / name).mkdir()
    alone = make_job(tmp_path / "alone", keys)
    alone.sweep()
    together = make_job(tmp_path / "together", {**keys, "run.lanes": "4"})
    together.sweep(ranks=ranks)
    assert together.largest_group(ranks) == 4
    assert alone.largest_group(ranks=1) == 1
    assert len(alone.trial_files()) == 32
    for one, other in zip(alone.trial_files(), together.trial_files(), strict=True):
        assert_close_results(one, other)


def test_sweep_leaves_the_documented_folder(swept):
    job = swept[2]
    assert sorted(path.name for path in job.results.iterdir()) == [
        "checkpoints", "failed", "fisher", "inputs", "job.cfg", "lock", "log", "small.h5", "trials",
    ]  # fmt: skip
    assert sorted(path.name for path in (job.results / "log").iterdir()) == ["rank-0.log", "rank-1.log"]
    assert list((job.results / "failed").iterdir()) == []
    assert (job.results / "job.cfg").read_text() == job.text


def test_name_of_a_trial_file_is_the_id_in_it(swept):
    for path in swept[1].trial_files():
        with h5py.File(path) as file:
            assert file["trials/id"].asstr()[:].tolist() == [path.stem]


def test_relaunch_trains_nothing(make_job, tmp_path):
    job = make_job(tmp_path)
    job.sweep()
    before, merged = job.modification_times(), contents(job.merged, without=())
    result = job.sweep(ranks=2)
    assert "6 already there, 0 to run" in result.stdout
    assert job.modification_times() == before
    assert contents(job.merged, without=()) == merged


def test_job_as_run_can_be_run_again(make_job, tmp_path, program):
    job = make_job(tmp_path)
    job.sweep("--sweep.seeds", "3", "--data.tasks", "CoLA")
    before = job.modification_times()
    assert len(before) == 3
    result = program("sweep", job.results / "job.cfg", ranks=1, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "3 already there, 0 to run" in result.stdout
    assert job.modification_times() == before


def test_only_the_missing_trial_runs_again(make_job, tmp_path):
    job = make_job(tmp_path)
    job.sweep()
    before = job.modification_times()
    lost = job.trial_files()[2]
    expected = contents(lost)
    lost.unlink()
    result = job.sweep(ranks=2)
    assert "5 already there, 1 to run" in result.stdout
    after = job.modification_times()
    assert {name for name in after if after[name] != before[name]} == {lost.name}
    assert contents(lost) == expected


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.95])
def test_truncated_trial_is_reported_and_runs_again(make_job, tmp_path, share):
    job = make_job(tmp_path, {"data.tasks": "CoLA"})
    job.sweep()
    before = job.modification_times()
    damaged = job.trial_files()[1]
    expected = contents(damaged)
    os.truncate(damaged, int(share * damaged.stat().st_size))
    for command in ("plan", "status"):
        report = job.run(command)
        assert report.returncode == 0
        assert damaged.name in report.stderr
    result = job.sweep()
    assert damaged.name in result.stderr
    assert "2 already there, 1 to run" in result.stdout
    after = job.modification_times()
    assert {name for name in after if after[name] != before[name]} == {damaged.name}
    assert contents(damaged) == expected


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 0.75, 1.0])
def test_trial_with_a_flipped_bit_is_named_and_runs_again(make_job, tmp_path, share):
    job = make_job(tmp_path, {"data.tasks": "CoLA"})
    job.sweep()
    expected, merged = job.modification_times(), contents(job.merged)
    damaged = job.trial_files()[1]
    flip_a_byte(damaged, share)
    for command, status in (("plan", 0), ("status", 0), ("merge", WRONG_INPUT)):
        report = job.run(command)
        assert report.returncode == status
        assert f"warning: results/small/trials/{damaged.name}: is damaged" in report.stderr
    assert contents(job.merged) == merged
    assert job.run("merge", "--replace").returncode == 0
    with h5py.File(job.merged) as file:
        assert damaged.stem not in file["trials/id"].asstr()[:]
        assert file.attrs["complete"] == 0
    result = job.sweep()
    assert f"warning: results/small/trials/{damaged.name}: is damaged" in result.stderr
    assert "2 already there, 1 to run" in result.stdout
    after = job.modification_times()
    assert {name for name in after if after[name] != expected[name]} == {damaged.name}
    assert contents(job.merged) == merged


def test_more_ranks_than_trials(make_job, tmp_path):
    job = make_job(tmp_path, {"data.tasks": "CoLA", "sweep.methods": "layernorm"})
    result = job.sweep(ranks=4)
    assert "more ranks than trials; 3 ranks will have nothing to do" in result.stdout
    assert "1 of 1 trials done" in result.stdout
    assert len(job.trial_files()) == 1


@pytest.mark.parametrize("ranks", [1, 2])
def test_diverging_trial_is_recorded_and_the_others_are_done(make_job, tmp_path, ranks):
    job = make_job(tmp_path, {"sweep.learning_rates": "1e10", "train.clip_norm": "0", "train.batch_size": "2"})
    result = job.sweep(ranks=ranks, expected_status=SOME_FAILED)
    assert "4 of 6 trials done, 2 failed or diverged" in result.stdout
    with h5py.File(job.merged) as file:
        trials = file["trials"]
        states = dict(zip(zip(trials["task"].asstr()[:], trials["method"].asstr()[:], strict=True),
                          trials["state"].asstr()[:], strict=True))  # fmt: skip
        diverged = {key for key, state in states.items() if state == "diverged"}
        assert diverged == {("CoLA", "full"), ("MNLI", "full")}
        assert set(states.values()) == {"done", "diverged"}
        for row, state in enumerate(trials["state"].asstr()[:]):
            assert ("step" in trials["error"].asstr()[row]) == (state == "diverged")
    status = job.run("status").stdout
    assert "4 done, 2 diverged, 0 failed, 0 missing" in status
    assert status.count(": diverged: step") == 2
    before = job.modification_times()
    again = job.sweep(ranks=ranks, expected_status=SOME_FAILED)
    assert "6 already there, 0 to run" in again.stdout
    assert job.modification_times() == before


def test_products_in_bfloat16(make_job, tmp_path):
    """They are used where they are faster: the file and a note say which."""
    job = make_job(tmp_path, {"data.tasks": "CoLA", "sweep.methods": "layernorm", "train.precision": "bfloat16"})
    output = job.sweep().stdout
    with h5py.File(job.merged) as file:
        precision = file["trials/precision"].asstr()[:].tolist()
    is_slower = "products in bfloat16 are not faster here; float32 is used" in output
    assert precision == ["float32" if is_slower else "bfloat16"]


def test_failing_trial_is_tried_again_and_the_others_are_done(make_job, tmp_path):
    keys = {"sweep.methods": "layernorm", "train.epochs": "40", "run.checkpoint_seconds": "0.01", "run.retries": "2"}
    for name in ("sound", "failing"):
        (tmp_path / name).mkdir()
    sound, job = make_job(tmp_path / "sound", keys), make_job(tmp_path / "failing", keys)
    sound.sweep()
    failing = sound.trial_files()[0].stem
    # A damaged checkpoint that cannot be put aside.
    in_the_way = job.results / "checkpoints" / failing
    (in_the_way / "latest.safetensors.damaged").mkdir(parents=True)
    (in_the_way / "latest.safetensors").write_text("damaged")
    result = job.sweep(expected_status=SOME_FAILED)
    assert "1 of 2 trials done, 1 failed or diverged" in result.stdout
    log = (job.results / "log" / "rank-0.log").read_text()
    assert [f"trial {failing}, attempt {attempt}: " in log for attempt in (1, 2, 3, 4)] == [True, True, True, False]
    assert re.search(rf"{failing} CoLA .*: failed: .*{failing}|{failing} MNLI .*: failed: .*{failing}",
                     job.run("status").stdout)  # fmt: skip
    shutil.rmtree(in_the_way)
    job.sweep()
    assert contents(job.merged) == contents(sound.merged)
    assert list((job.results / "failed").iterdir()) == []


@pytest.mark.parametrize("rank", [0, 1])
def test_exception_outside_a_trial_ends_all_ranks(make_job, tmp_path, rank):
    job = make_job(tmp_path)
    (job.results / "log" / f"rank-{rank}.log").mkdir(parents=True)
    begin = time.monotonic()
    result = job.run("sweep", ranks=2)
    assert result.returncode == WRONG_ENVIRONMENT, result.stdout + result.stderr
    assert time.monotonic() - begin < 10
    assert f"rank-{rank}.log" in result.stderr
    assert job.trial_files() == []


def test_processes_that_mpi_does_not_join_are_refused(job, monkeypatch):
    monkeypatch.setenv("SLURM_NTASKS", "4")
    result = job.run("sweep")
    assert result.returncode == WRONG_ENVIRONMENT
    assert "SLURM_NTASKS announces 4 tasks, but MPI sees one rank" in result.stderr
    assert "SLURM_NTASKS=1" in result.stderr
    assert not job.results.exists()


def test_trial_with_every_option_of_a_schedule(make_job, tmp_path):
    job = make_job(tmp_path, {"data.tasks": "STS-B", "sweep.methods": "head", "train.max_steps": "3",
                              "train.evaluate_every": "2", "train.dropout": "0.1"})  # fmt: skip
    job.sweep()
    with h5py.File(job.merged) as file:
        assert file["history/step"][:].tolist() == [1, 2, 3]
        assert file["evaluations/step"][:].tolist() == [2, 3]
        assert file["trials/steps"][:].tolist() == [3]
