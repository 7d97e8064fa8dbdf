"""Which program the batch script runs, and what it does with signals and statuses, with a Slurm of three stand-ins."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent.parent.parent / "slurm" / "run-until-done"
SRUN = """\
#!/bin/bash
trap 'echo told; exit 75' USR2
echo "srun $*"
[[ -z ${WAIT:-} ]] || { touch started; while :; do sleep 0.05; done; }
exit "${STATUS:-0}"
"""


class Batch:
    """A folder with builds, and what the script finds on its PATH."""

    def __init__(self, folder):
        self.folder = folder
        self.environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("SLURM_", "CUDA_"))
        }
        self.environment |= {"PATH": f"{folder}/bin:{os.environ['PATH']}", "SLURM_JOB_ID": "7"}
        self.write("bin/srun", SRUN)
        self.write("bin/scontrol", '#!/bin/bash\necho "scontrol $*"\n')
        self.write("bin/squeue", "#!/bin/bash\n")
        for build in ("release", "cuda"):
            self.write(f"build/{build}/tunescope", "#!/bin/bash\n")

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)

    def start(self, command="sweep", **environment):
        return subprocess.Popen(
            [SCRIPT, command, "job.cfg"], cwd=self.folder, env=self.environment | environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def __call__(self, command="sweep", **environment):
        process = self.start(command, **environment)
        output, _ = process.communicate(timeout=90)
        return process.returncode, output


@pytest.fixture
def batch(tmp_path):
    return Batch(tmp_path)


@pytest.mark.parametrize(
    "environment",
    [
        {"SLURM_GPUS": "4"},
        {"SLURM_GPUS_ON_NODE": "1"},
        {"SLURM_GPUS_PER_NODE": "a100:2"},
        {"SLURM_JOB_GPUS": "0"},
        {"CUDA_VISIBLE_DEVICES": "0,1"},
    ],
    ids=str,
)
def test_a_job_with_gpus_runs_the_build_with_cuda(batch, environment):
    status, output = batch(**environment)
    assert status == 0
    assert "running build/cuda/tunescope\n" in output
    assert "build/cuda/tunescope sweep job.cfg" in output


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"SLURM_GPUS_ON_NODE": "0"},
        {"SLURM_JOB_GPUS": ""},
        {"CUDA_VISIBLE_DEVICES": ""},
        {"CUDA_VISIBLE_DEVICES": "", "SLURM_GPUS": "1"},
        {"CUDA_VISIBLE_DEVICES": "NoDevFiles"},
    ],
    ids=str,
)
def test_a_job_without_gpus_runs_the_release_build(batch, environment):
    assert "build/release/tunescope sweep job.cfg" in batch(**environment)[1]


def test_a_build_that_is_missing_is_named_and_nothing_is_queued_again(batch):
    (batch.folder / "build" / "cuda" / "tunescope").unlink()
    status, output = batch(SLURM_GPUS="1")
    assert status == 3
    assert "there is no build/cuda/tunescope: build it with 'cmake --preset cuda" in output
    assert "the job has GPUs, and build/release/tunescope cannot use them" in output
    assert "--run.device cpu" in output
    assert "srun" not in output and "requeue" not in output


def test_a_build_without_cuda_is_not_offered_where_there_is_none(batch):
    for build in ("release", "cuda"):
        (batch.folder / "build" / build / "tunescope").unlink()
    assert "build/release" not in batch(SLURM_GPUS="1")[1]


def test_another_program_is_run_where_it_is_named(batch):
    batch.write("bin/tunescope-of-the-site", "#!/bin/bash\n")
    assert "tunescope-of-the-site sweep job.cfg" in batch(TUNESCOPE_BINARY="tunescope-of-the-site", SLURM_GPUS="1")[1]


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGUSR2])
def test_a_signal_to_the_script_alone_reaches_the_ranks_and_the_job_goes_back_into_the_queue(batch, number):
    process = batch.start(WAIT="1")
    while not (batch.folder / "started").exists():
        assert process.poll() is None
    process.send_signal(number)
    output, _ = process.communicate(timeout=90)
    assert "told" in output
    assert "scontrol requeue 7" in output


# Slurm gives one element the number of the whole array, whose other elements go on.
def test_an_element_of_an_array_shares_the_folder_and_goes_back_alone(batch):
    status, output = batch(SLURM_ARRAY_JOB_ID="7", SLURM_ARRAY_TASK_ID="0", STATUS="75")
    assert status == 0
    assert "tunescope sweep job.cfg --share\n" in output
    assert "scontrol requeue 7_0\n" in output


def test_an_array_of_fisher_jobs_is_refused(batch):
    status, output = batch("fisher", SLURM_ARRAY_JOB_ID="7", SLURM_ARRAY_TASK_ID="0")
    assert status == 2
    assert "tunescope fisher cannot be shared by the jobs of an array" in output
    assert "srun" not in output and "requeue" not in output


def test_elements_of_an_array_count_their_failures_apart(batch):
    for element in ("0", "1"):
        batch(SLURM_ARRAY_JOB_ID="7", SLURM_ARRAY_TASK_ID=element, STATUS="3")
    assert sorted(path.name for path in batch.folder.glob(".tunescope-failures-*")) == [
        ".tunescope-failures-7_0",
        ".tunescope-failures-7_1",
    ]


@pytest.mark.parametrize("final", [0, 1, 2])
def test_a_job_that_is_done_or_would_fail_again_is_not_queued_again(batch, final):
    status, output = batch(STATUS=str(final))
    assert status == final
    assert "requeue" not in output
