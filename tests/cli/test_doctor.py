"""What `tunescope doctor` finds, and what it calls wrong."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

WRONG_INPUT = 2
WRONG_ENVIRONMENT = 3
# A process that srun started, as srun without PMIx leaves it.
STEP_WITHOUT_PMIX = {"SLURM_JOB_ID": "7", "SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "4", "SLURM_NTASKS": "4"}


@pytest.fixture(autouse=True)
def sound_environment(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    for name in [name for name in os.environ if name.startswith(("SLURM_", "HDF5_"))]:
        monkeypatch.delenv(name)


def run(job, script, *options):
    """`tunescope doctor JOB` in a shell, after these commands."""
    job.file.write_text(job.text)
    program = [job.program.binary, "doctor", job.file.name, *options]
    return subprocess.run(["bash", "-c", f'{script}; exec "$0" "$@"', *program], cwd=job.folder, capture_output=True,
                          text=True, timeout=300)  # fmt: skip


def lines_of(result):
    """What it says by the name at the beginning of each line; lines that were broken are one again."""
    text = result.stdout.split("\n\n")[0].replace("\n   ", " ")
    return {line.split("  ")[0]: " ".join(line.split("  ", 1)[1].split()) for line in text.splitlines()}


def wrong(result, *needles):
    """The one thing that is wrong."""
    assert result.returncode == WRONG_ENVIRONMENT, result.stdout + result.stderr
    (problem,) = (part for part in result.stdout.split("\n\n") if part.startswith("wrong: "))
    problem = " ".join(problem.split())
    for needle in needles:
        assert needle in problem
    assert "nothing is wrong" not in result.stdout


def preloaded(source, folder):
    """A library from this C file."""
    if shutil.which("cc") is None:
        pytest.skip("no C compiler on the PATH")
    library = folder / f"{source}.so"
    path = Path(__file__).with_name(source)
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, path], check=True)
    return library


def test_nothing_is_wrong_with_a_sound_environment(program, tmp_path):
    result = program("doctor", cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.endswith("\n\nnothing is wrong here\n")
    lines = lines_of(result)
    assert lines["MPI"].startswith("Open MPI v")
    assert lines["launcher"] == "no launcher"
    assert lines["variables"] == "OMP_NUM_THREADS=1"
    assert f"in {tmp_path} (" in lines["results"]
    assert f"on {os.uname().nodename}: 1 thread on " in lines["rank 0"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="two ranks need two cores")
def test_ranks_that_are_alike_share_a_line(job):
    result = job.run("doctor", ranks=2)
    assert result.returncode == 0, result.stdout + result.stderr
    lines = lines_of(result)
    assert lines["launcher"] == "mpirun"
    assert "1 thread on " in lines["ranks 0-1"]
    assert not job.results.exists()
    assert not list(job.folder.glob(".tunescope-doctor*"))


def test_json_has_the_same_facts(job):
    result = job.run("doctor", "--json")
    assert result.returncode == 0, result.stdout + result.stderr
    report = json.loads(result.stdout)
    assert list(report) == ["facts", "ranks", "problems"]
    assert report["facts"]["launcher"] == "no launcher"
    assert report["problems"] == []
    (rank,) = report["ranks"]
    assert (rank["rank"], rank["device"], rank["threads"]) == (0, "cpu", 1)
    assert rank["cores"] == len(os.sched_getaffinity(0))
    broken = json.loads(run(job, "ulimit -S -n 100", "--json").stdout)
    assert "ulimit -n allows 100 open files" in broken["problems"][0]


def test_more_threads_than_cores(job, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "4096")
    job.keys["run.threads"] = None
    wrong(job.run("doctor"), "4096 threads on ", "OMP_NUM_THREADS says so", "mpirun --bind-to none")
    job.keys["run.threads"] = "2048"
    wrong(job.run("doctor"), "2048 threads on ", "run.threads says so")


@pytest.mark.parametrize(
    ("limit", "needles"),
    [
        ("-S -f 100000", ["ulimit -f allows 102400000 bytes in a file", "ulimit -S -f unlimited"]),
        ("-f 100000", ["ulimit -f allows 102400000 bytes in a file", "ask the administrators"]),
        ("-S -t 3600", ["ulimit -t allows 3600 seconds of processor time"]),
        ("-S -n 100", ["ulimit -n allows 100 open files"]),
    ],
)
def test_limits_of_the_process(job, limit, needles):
    wrong(run(job, f"ulimit {limit}"), *needles)


def test_filesystem_without_locks(job, tmp_path, monkeypatch):
    monkeypatch.setenv("LD_PRELOAD", str(preloaded("no_locks.c", tmp_path)))
    wrong(job.run("doctor"), "cannot be locked", "[run] results")
    refused = job.run("sweep")
    assert refused.returncode == WRONG_ENVIRONMENT
    assert "does this filesystem support locks?" in refused.stderr


def test_full_results_folder(job):
    if subprocess.run(["unshare", "-rm", "true"], capture_output=True).returncode != 0:
        pytest.skip("this user may not mount a filesystem, not even in a namespace")
    (job.folder / "results").mkdir()
    job.file.write_text(job.text)
    script = 'mount -t tmpfs -o size=4k tmpfs results && exec "$0" "$@"'
    program = [job.program.binary, "doctor", job.file.name]
    result = subprocess.run(["unshare", "-rm", "sh", "-c", script, *program], cwd=job.folder, capture_output=True,
                            text=True, timeout=300)  # fmt: skip
    assert result.returncode == WRONG_ENVIRONMENT
    assert "results (tmpfs), 0.0 GB" in " ".join(result.stdout.split())
    assert "make room, or choose another folder" in " ".join(result.stdout.split())
    assert "No space left on device" in " ".join(result.stdout.split())


def test_clocks_that_differ(program, job, tmp_path, monkeypatch):
    library = preloaded("jumping_clock.c", tmp_path)
    job.file.write_text(job.text)
    doctor = [str(program.binary), "doctor", job.file.name]
    late = ["sh", "-c", 'sleep 1; exec "$0" "$@"', *doctor]  # when the other clock has jumped
    fast = ["env", f"LD_PRELOAD={library}", "CLOCK_JUMP_SECONDS=100", *doctor]
    command = ["mpirun", "--oversubscribe", "-n", "1", *late, ":", "-n", "1", *fast]
    root = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    result = subprocess.run(command, cwd=job.folder, env=os.environ | root, capture_output=True, text=True,
                            timeout=300)  # fmt: skip
    assert result.returncode == WRONG_ENVIRONMENT, result.stdout + result.stderr
    assert f"the clock of {os.uname().nodename} is 100.0 s ahead of that of" in " ".join(result.stdout.split())


def test_srun_without_pmix(job, monkeypatch):
    for name, value in STEP_WITHOUT_PMIX.items():
        monkeypatch.setenv(name, value)
    remedies = ["srun --mpi=pmix", "srun --mpi=list", "mpirun"]
    result = job.run("doctor")
    wrong(result, "srun has started this process without PMIx", *remedies)
    assert lines_of(result)["launcher"] == "srun without PMIx"
    refused = job.run("sweep")
    assert refused.returncode == WRONG_ENVIRONMENT
    assert all(words in refused.stderr for words in remedies)
    monkeypatch.setenv("SLURM_PROCID", "1")
    other = job.run("doctor")
    assert (other.returncode, other.stdout) == (WRONG_ENVIRONMENT, ""), "the first task speaks for all"


def test_processes_that_mpi_does_not_join(job, monkeypatch):
    monkeypatch.setenv("SLURM_NTASKS", "4")
    wrong(job.run("doctor"), "SLURM_NTASKS announces 4 tasks", "srun --mpi=pmix", "srun --mpi=list", "SLURM_NTASKS=1")


@pytest.mark.parametrize("ranks", [None, 2])
def test_wrong_jobs_and_options_are_refused(job, program, ranks):
    def refusal(*arguments):
        result = program(*arguments, ranks=ranks, cwd=job.folder)
        assert result.returncode == WRONG_INPUT
        assert result.stdout == ""
        (message,) = (line for line in result.stderr.splitlines() if line.startswith("tunescope: "))
        return message

    assert "no such job file" in refusal("doctor", "none.cfg")
    assert "one job file, found 2" in refusal("doctor", "a.cfg", "b.cfg")
    assert "one job file, found 0" in refusal("doctor", "--run.device", "cpu")
    assert "--watch belongs to tunescope status, not to doctor" in refusal("doctor", "--watch")


def test_device_that_the_job_asks_for_and_the_machine_lacks(job):
    job.keys["run.device"] = "cuda"
    if job.run("plan").stdout.count("one rank per GPU"):
        pytest.skip("this machine has a GPU")
    wrong(job.run("doctor"), "no CUDA device can be used", "use device = cpu")
