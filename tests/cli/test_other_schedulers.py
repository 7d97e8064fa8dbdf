"""The example scripts for PBS and Flux, with stand-ins for the commands of these schedulers and of MPI."""

import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAUNCH = """\
if [[ ${WAIT:-} ]]; then kill -USR2 "$PPID"; sleep 0.2; fi
echo "end $SLURM_JOB_END_TIME"
exit "$STATUS"
"""
COMMANDS = {
    "qstat": 'echo "    Resource_List.place = pack\n    Resource_List.walltime = 01:08:09\n    session_id = 7"',
    "flux": f'if [[ "$1 $2" == "job timeleft" ]]; then echo 4089; elif [[ $1 == run ]]; then\n{LAUNCH}fi',
    "mpirun": LAUNCH,
    "qsub": "",
}
SECONDS = 4089  # 1:08:09


@dataclass
class Scheduler:
    """How its script is started, launches ranks, and goes back into the queue."""

    script: str
    arguments: list
    environment: dict
    launched: str
    submitted: str


SCHEDULERS = {
    "pbs": Scheduler(
        "sweep.pbs", [], {"JOB": "job.cfg", "PBS_JOBID": "7.server", "PBS_NODEFILE": "nodes"},
        "mpirun --hostfile nodes -x SLURM_JOB_END_TIME build/release/tunescope sweep job.cfg --share",
        "qsub -v JOB=job.cfg docs/schedulers/sweep.pbs",
    ),
    "flux": Scheduler(
        "sweep.flux", ["job.cfg", "--run.lanes", "2"], {},
        "flux run --nodes=1 --ntasks=4 --cores-per-task=8 build/release/tunescope sweep job.cfg --run.lanes 2 --share",
        "flux --parent batch docs/schedulers/sweep.flux job.cfg --run.lanes 2",
    ),
}  # fmt: skip


@pytest.fixture(params=SCHEDULERS)
def scheduler(request):
    return SCHEDULERS[request.param]


@pytest.fixture
def run(scheduler, tmp_path):
    """Runs the script where every command prints its name and arguments; returns status and output."""
    (tmp_path / "bin").mkdir()
    for name, text in COMMANDS.items():
        path = tmp_path / "bin" / name
        path.write_text(f'#!/bin/bash\necho "{name} $*" >&2\n{text}\n')
        path.chmod(0o755)
    shutil.copytree(ROOT / "docs" / "schedulers", tmp_path / "docs" / "schedulers")

    def run(**environment):
        settings = {"PATH": f"{tmp_path}/bin:{os.environ['PATH']}", "PBS_O_WORKDIR": str(tmp_path)}
        result = subprocess.run(
            ["bash", f"docs/schedulers/{scheduler.script}", *scheduler.arguments], cwd=tmp_path, timeout=60,
            env=os.environ | settings | scheduler.environment | environment, capture_output=True, text=True,
        )  # fmt: skip
        return result.returncode, result.stdout + result.stderr

    return run


def test_a_job_with_work_left_is_submitted_again_as_it_was(scheduler, run):
    status, output = run(STATUS="75")
    assert status == 0
    assert f"{scheduler.launched}\n" in output
    assert f"{scheduler.submitted}\n" in output


@pytest.mark.parametrize("final", ["0", "1", "2", "3"])
def test_another_status_is_the_end_of_the_job(scheduler, run, final):
    status, output = run(STATUS=final)
    assert status == int(final)
    assert scheduler.submitted not in output


def test_the_program_learns_the_end_of_the_allocation(run):
    before = time.time()
    (end,) = re.findall(r"^end (\d+)$", run(STATUS="0")[1], re.MULTILINE)
    assert int(before) <= int(end) - SECONDS <= time.time()


def test_a_signal_that_asks_for_a_stop_does_not_end_the_script(scheduler, run):
    status, output = run(STATUS="75", WAIT="1")
    assert status == 0
    assert f"{scheduler.submitted}\n" in output
