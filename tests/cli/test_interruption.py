"""A sweep that is stopped, killed or crowded out loses nothing."""

import os
import random
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

h5py = pytest.importorskip("h5py")
np = pytest.importorskip("numpy")

from test_sweep import assert_close_results, contents  # noqa: E402

WRONG_INPUT = 2
WRONG_ENVIRONMENT = 3
STOPPED_EARLY = 75
LONGER = {"sweep.methods": "full layernorm", "train.epochs": "40", "sweep.seeds": "1 2", "data.train_examples": "128"}


def start(job, *options, ranks=2, command="sweep"):
    """The command as a background process in a process group of its own."""
    job.file.write_text(job.text)
    environment = os.environ | {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    arguments = ["mpirun", "--oversubscribe", "-n", str(ranks), str(job.program.binary), command, job.file.name,
                 *options]  # fmt: skip
    return subprocess.Popen(
        arguments, cwd=job.folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
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


def kill_all(process):
    """Kills mpirun and its ranks at once, as a node that fails does."""
    victims = ranks_of(process)
    os.killpg(process.pid, signal.SIGKILL)
    for victim in victims:
        try:
            os.kill(victim, signal.SIGKILL)
        except ProcessLookupError:
            pass


def wait_until(condition, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")


def wait_until_training(job, ranks=2):
    """Until every rank has been in its first trial for a moment."""
    logs = [job.results / "log" / f"rank-{rank}.log" for rank in range(ranks)]
    wait_until(lambda: all(log.exists() and " starts: " in log.read_text() for log in logs))
    time.sleep(0.3)


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
    wait_until_training(job)
    process.send_signal(signal.SIGUSR2)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == STOPPED_EARLY, output
    assert "run it again to go on" in output
    assert list((job.results / "checkpoints").glob("*/latest.safetensors"))
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
    output, _ = process.communicate(timeout=60)
    assert process.returncode == STOPPED_EARLY, output
    assert len(list((job.results / "checkpoints").glob("*/latest.safetensors"))) == 8
    run_to_the_end(job)
    for one, other in zip(alone.trial_files(), job.trial_files(), strict=True):
        assert_close_results(one, other)


def test_status_tells_what_each_rank_is_at_work_on(make_job, tmp_path):
    job = make_job(tmp_path, {**LONGER, "train.epochs": "4000"})
    process = start(job)
    wait_until_training(job)
    wait_until(lambda: "step 0 of" not in job.run("status").stdout and "rank 1" in job.run("status").stdout)
    output = job.run("status").stdout
    process.send_signal(signal.SIGUSR2)
    process.communicate(timeout=60)
    assert "a sweep is at work here" in output
    assert output.count("to go") == 2
    after = job.run("status").stdout
    assert "at work" not in after
    assert "(2 of them partly done and saved)" in after


def test_signal_to_one_rank_stops_all(make_job, tmp_path):
    job = make_job(tmp_path, {**LONGER, "train.epochs": "2000"})
    process = start(job)
    wait_until_training(job)
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
    output, _ = process.communicate(timeout=60)
    assert process.returncode == STOPPED_EARLY, output
    assert len(list((job.results / "checkpoints").glob("*/latest.safetensors"))) == 2


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
            kill_all(process)
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


def test_damaged_checkpoint_does_not_displace_the_one_before(make_job, tmp_path):
    job = make_job(tmp_path, {**LONGER, "run.deadline_seconds": "2", "run.checkpoint_seconds": "0.3"})
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


@pytest.fixture(scope="module")
def large_fisher(make_job, tmp_path_factory):
    """A job maker whose Fisher run takes seconds, and the diagonal of an undisturbed run on 2 ranks."""
    data = tmp_path_factory.mktemp("large")

    def make(folder, keys=None):
        job = make_job(folder, {**MEASURED, **(keys or {})})
        if not (data / "CoLA").exists():
            shutil.copytree(Path(job.keys["data.glue"]) / "CoLA", data / "CoLA")
            rows = (data / "CoLA" / "train.tsv").read_text().splitlines()
            (data / "CoLA" / "train.tsv").write_text("\n".join(rows * 60) + "\n")
        job.keys["data.glue"] = str(data)
        return job

    whole = make(tmp_path_factory.mktemp("whole"))
    result = whole.run("fisher", ranks=2)
    assert result.returncode == 0, result.stdout + result.stderr
    return make, diagonals(whole)


MEASURED = {
    "data.tasks": "CoLA",
    "data.train_examples": "0",
    "fisher.points": "0",
    "fisher.examples": "0",
    "fisher.mode": "empirical true",
}


def diagonals(job):
    found = {}
    for path in sorted((job.results / "fisher").glob("*.h5")):
        with h5py.File(path) as file:
            file.visititems(
                lambda name, item, stem=path.stem: (
                    found.update({(stem, name): item[()].tobytes()})
                    if isinstance(item, h5py.Dataset)
                    and name.startswith("fisher_parameters")
                    and item.dtype.kind == "f"
                    else None
                )
            )
    assert found
    return found


def test_fisher_run_is_stopped_inside_and_goes_on_bitwise(large_fisher, tmp_path):
    make, undisturbed = large_fisher
    job = make(tmp_path, {"run.deadline_seconds": "0.6"})
    cuts = 0
    for _ in range(100):
        result = job.run("fisher", ranks=2)
        if result.returncode == 0:
            break
        assert result.returncode == STOPPED_EARLY, result.stdout + result.stderr
        shares = {path.name for path in (job.results / "checkpoints").glob("*/*")}
        if shares:  # on a busy machine the deadline may come before a run has begun
            assert shares == {"rank-0-of-2.safetensors", "rank-1-of-2.safetensors"}
            cuts += 1
    assert cuts >= 1
    assert diagonals(job) == undisturbed
    with h5py.File(next((job.results / "fisher").glob("*.h5"))) as file:  # 0.6 s and more a piece, less its start
        assert file["fisher/wall_seconds"][0] > 0.2 * cuts
    assert list((job.results / "checkpoints").iterdir()) == []


@pytest.mark.parametrize("rank", [0, 1])
def test_signal_to_one_rank_stops_a_fisher_run(large_fisher, tmp_path, rank):
    make, undisturbed = large_fisher
    job = make(tmp_path, {"data.train_examples": "0"})
    process = start(job, command="fisher")
    wait_until(lambda: (job.results / "log" / "rank-1.log").exists() and len(ranks_of(process)) == 2)
    os.kill(ranks_of(process)[rank], signal.SIGTERM)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == STOPPED_EARLY, output
    assert "run it again to go on" in output
    result = job.run("fisher", ranks=2)
    assert result.returncode == 0, result.stdout
    assert diagonals(job) == undisturbed


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
        process.communicate(timeout=60)
    assert process.returncode == STOPPED_EARLY


def trials_started(job):
    """Identifiers of trials in the order in which any rank of any sweep began to train them."""
    logs = "".join(path.read_text() for path in (job.results / "log").iterdir())
    return re.findall(r"trial (\w+) starts:", logs)


def test_sweeps_that_share_a_folder_train_every_trial_once(make_job, tmp_path, undisturbed):
    job = make_job(tmp_path, LONGER)
    sweeps = [start(job, "--share") for _ in range(2)]
    outputs = [process.communicate(timeout=120)[0] for process in sweeps]
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
    killed.communicate(timeout=60)
    output, _ = other.communicate(timeout=120)
    assert other.returncode == 0, output
    assert contents(job.merged) == contents(undisturbed.merged)
    job.sweep()  # alone in the folder, so that it removes what the killed one left half-written
    assert_same_results(job, undisturbed)


def test_sweeps_that_share_a_folder_compute_fisher_information_once(make_job, tmp_path):
    job = make_job(tmp_path, {"sweep.methods": "fisher:fraction=0.25 layernorm", "fisher.examples": "8"})
    sweeps = [start(job, "--share", ranks=1) for _ in range(2)]
    outputs = [process.communicate(timeout=120)[0] for process in sweeps]
    assert [process.returncode for process in sweeps] == [0, 0], outputs
    assert sum("2 to compute" in output for output in outputs) == 1
    assert len(trials_started(job)) == 2 + 4, "two sources of Fisher information and four trials, each once"


def test_share_belongs_to_sweep(make_job, tmp_path):
    result = make_job(tmp_path).run("fisher", "--share", ranks=1)
    assert result.returncode == WRONG_INPUT
    assert "--share belongs to tunescope sweep" in result.stderr
