"""Commands in the background: started, waited for, killed, gone on with, and compared with undisturbed ones."""

import os
import signal
import subprocess
import time

from result_files import contents

STOPPED_EARLY = 75
STARTED = []
LONGER = {"sweep.methods": "full layernorm", "train.epochs": "40", "sweep.seeds": "1 2", "data.train_examples": "128"}


def start(job, *options, ranks=2, command="sweep"):
    """The command as a background process in a process group of its own."""
    job.file.write_text(job.text)
    environment = os.environ | {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    arguments = ["mpirun", "--oversubscribe", "-n", str(ranks), str(job.program.binary), command, job.file.name,
                 *options]  # fmt: skip
    process = subprocess.Popen(
        arguments, cwd=job.folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True,
    )  # fmt: skip
    STARTED.append(process)
    return process


def kill_what_is_left():
    """Ends what a test that failed has left running: it would slow down all others."""
    while STARTED:
        process = STARTED.pop()
        if process.poll() is None:
            kill_all(process)
            process.communicate()


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


def wait_until(condition, seconds=150):
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


def assert_same_results(job, undisturbed):
    names = [path.name for path in undisturbed.trial_files()]
    assert [path.name for path in job.trial_files()] == names
    for one, other in zip(undisturbed.trial_files(), job.trial_files(), strict=True):
        assert contents(one) == contents(other), one.name
    assert_no_debris(job)


def assert_no_debris(job):
    assert list((job.results / "checkpoints").iterdir()) == []
    assert not [path for path in job.results.rglob("*.partial")]


def run_to_the_end(job, limit=100):
    for _ in range(limit):
        result = job.run("sweep", ranks=2)
        if result.returncode == 0:
            return
        assert result.returncode == STOPPED_EARLY, result.stdout + result.stderr
    raise AssertionError(f"not done after {limit} starts")
