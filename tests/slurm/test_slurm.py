"""The batch scripts on a real Slurm of two nodes: what they leave behind, and when they go back into the queue."""

import os
import re
import shutil
import signal
from pathlib import Path

import pytest

h5py = pytest.importorskip("h5py")

SCRIPTS = Path(__file__).parent.parent.parent / "slurm"
SITE = ["-N2", "--ntasks-per-node=2", "--cpus-per-task=1"]
TRIALS = {"data.tasks": "CoLA MNLI", "sweep.methods": "full layernorm", "sweep.seeds": "1 2"}
LONGER = {**TRIALS, "train.epochs": "40", "data.train_examples": "128"}
ENDLESS = {**LONGER, "train.epochs": "5000"}


class Batch:
    """One job in the queue; submitted from the folder of its job file, with the scripts in slurm/ as in a checkout."""

    def __init__(self, cluster, job):
        self.cluster, self.job = cluster, job
        shutil.copytree(SCRIPTS, job.folder / "slurm")

    def write(self, keys=None):
        self.job.keys |= keys or {}
        self.job.file.write_text(self.job.text)

    def submit(self, *options, command="sweep", program_options=()):
        self.write()
        script = f"slurm/{command}.sbatch"
        output = self.cluster.run(
            "sbatch", "--parsable", "--output=log.txt", f"--chdir={self.job.folder}", *SITE, "--time=10", *options,
            script, self.job.file.name, *program_options, cwd=self.job.folder,
        )  # fmt: skip
        assert output.strip().isdigit(), output
        self.number = output.strip()
        return self

    @property
    def log(self):
        return "".join(path.read_text() for path in sorted(self.job.folder.glob("log*.txt")))

    def facts(self, element=None):
        number = self.number if element is None else f"{self.number}_{element}"
        return dict(re.findall(r"(\w+)=(\S*)", self.cluster.run("scontrol", "show", "job", number)))

    def wait_for(self, *states, restarts=0, seconds=90, element=None):
        def there():
            facts = self.facts(element)
            return facts["JobState"] in states and int(facts["Restarts"]) >= restarts

        try:
            self.cluster.wait_until(f"job {self.number} is {' or '.join(states)}", there, seconds)
        except TimeoutError as error:
            raise AssertionError(f"{error}\n--- job {self.facts(element)}\n--- its log\n{self.log}") from None
        return self.facts(element)

    def wait_for_end(self, **limits):
        return self.wait_for("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", **limits)

    def wait_until_training(self):
        self.cluster.wait_until("every rank trains", lambda: len(self.saved()) >= 4)

    def saved(self):
        return list((self.job.results / "checkpoints").glob("*/latest.safetensors"))

    def cancel(self):
        self.cluster.run("scancel", self.number)
        self.wait_for_end()

    def assert_complete(self, trials=8):
        with h5py.File(self.job.merged) as merged:
            assert merged.attrs["complete"] == 1
            states = merged["trials/state"].asstr()[:].tolist()
            hosts = set(merged["trials/hostname"].asstr()[:])
        assert states == ["done"] * trials
        assert len(self.job.trial_files()) == trials
        assert list((self.job.results / "checkpoints").iterdir()) == []
        assert list(self.job.folder.glob(".tunescope-failures-*")) == []
        return hosts


@pytest.fixture
def make_batch(cluster, make_job, tmp_path):
    """A batch job; whatever the test leaves running is cancelled."""
    made = []

    def make(keys):
        made.append(Batch(cluster, make_job(tmp_path, keys)))
        return made[-1]

    yield make
    for batch in made:
        if hasattr(batch, "number"):
            batch.cancel()


def test_sweep_over_two_nodes_completes(make_batch):
    batch = make_batch(LONGER).submit()
    facts = batch.wait_for_end()
    assert (facts["JobState"], facts["ExitCode"], facts["Restarts"]) == ("COMPLETED", "0:0", "0"), batch.log
    assert batch.assert_complete() == {"n1", "n2"}
    logs = sorted(path.name for path in (batch.job.results / "log").glob("rank-*.log"))
    assert logs == [f"rank-{rank}.log" for rank in range(4)]


def test_deadline_puts_the_job_back(make_batch):
    batch = make_batch({**ENDLESS, "run.deadline_seconds": "4"}).submit()
    batch.wait_for("PENDING", restarts=1)
    assert "run it again to resume" in batch.log
    assert len(batch.saved()) == 4
    batch.cancel()


def test_deadline_puts_the_job_back_until_complete(make_batch):
    batch = make_batch({**LONGER, "train.epochs": "160", "run.deadline_seconds": "4"}).submit()
    facts = batch.wait_for_end(seconds=240)
    assert facts["JobState"] == "COMPLETED", batch.log
    assert int(facts["Restarts"]) >= 1
    batch.assert_complete()


def test_time_limit_puts_the_job_back(make_batch):
    batch = make_batch({**ENDLESS, "run.end_margin_seconds": "50"}).submit("--time=1")
    batch.wait_for("PENDING", restarts=1)
    assert "run it again to resume" in batch.log
    assert len(batch.saved()) == 4
    batch.cancel()


# The ranks get a signal of --full from slurmstepd, from srun and from the script.
@pytest.mark.parametrize("options", [[], ["--batch"], ["--full"]], ids=["steps", "batch", "full"])
def test_signal_saves_and_puts_the_job_back(make_batch, options):
    batch = make_batch({**ENDLESS, "run.checkpoint_seconds": "0.5"}).submit()
    batch.wait_until_training()
    batch.cluster.run("scancel", "--signal=USR2", *options, batch.number)
    batch.wait_for("PENDING", restarts=1)
    assert "run it again to resume" in batch.log
    assert list(batch.job.folder.glob(".tunescope-failures-*")) == []  # the script saw 75, no failure
    assert len(batch.saved()) == 4
    batch.cancel()


def test_scancel_is_final_and_a_new_job_goes_on(make_batch):
    batch = make_batch({**LONGER, "train.epochs": "120", "run.checkpoint_seconds": "0.5"}).submit()
    batch.wait_until_training()
    batch.cancel()
    facts = batch.facts()
    assert (facts["JobState"], facts["Restarts"]) == ("CANCELLED", "0"), batch.log
    assert batch.saved()
    batch.submit()
    assert batch.wait_for_end(seconds=240)["JobState"] == "COMPLETED", batch.log
    batch.assert_complete()


# The ranks of the other node work on until Slurm notices; at least what the dead one had is left to be gone on with.
def test_node_that_dies_puts_the_job_back_until_it_is_there_again(make_batch, cluster):
    batch = make_batch({**LONGER, "train.epochs": "120", "run.checkpoint_seconds": "0.5"}).submit()
    batch.wait_until_training()
    cluster.kill_node("n2")
    try:
        batch.wait_for("PENDING", restarts=1)
    finally:
        cluster.start_node("n2")
    facts = batch.wait_for_end(seconds=240)
    assert facts["JobState"] == "COMPLETED", batch.log
    batch.assert_complete()
    logs = "".join(path.read_text() for path in (batch.job.results / "log").glob("rank-*.log"))
    assert "resumes after step" in logs


def ranks_of_element(element):
    """Process ids of an array element's ranks, on any node."""
    variable = f"SLURM_ARRAY_TASK_ID={element}".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            is_rank = (process / "comm").read_text() == "tunescope\n"
            if is_rank and variable in (process / "environ").read_bytes().split(b"\0"):
                found.append(int(process.name))
        except OSError:  # it has ended
            continue
    return found


# The one that is killed has the number of the whole array, which must not take the other with it.
def test_array_goes_on_when_an_element_is_killed_which_comes_back_alone(make_batch):
    batch = make_batch({**LONGER, "train.epochs": "300", "run.checkpoint_seconds": "0.5"})
    batch.submit("-N1", "--array=0-1", "--output=log-%a.txt")
    batch.wait_until_training()
    (killed,) = (element for element in (0, 1) if batch.facts(element)["JobId"] == batch.number)
    os.kill(ranks_of_element(killed)[0], signal.SIGKILL)
    batch.wait_for("PENDING", restarts=1, element=killed)
    other = batch.facts(1 - killed)
    assert (other["JobState"], other["Restarts"]) == ("RUNNING", "0"), batch.log
    for element in (0, 1):
        facts = batch.wait_for_end(seconds=240, element=element)
        assert (facts["JobState"], facts["Restarts"]) == ("COMPLETED", str(int(element == killed))), batch.log
    batch.assert_complete()
    assert batch.log.count("8 of 8 trials done") == 2


# One GPU a rank, or the node's GPUs shown to each of its ranks.
@pytest.mark.parametrize("options", [["--gpus-per-task=1"], ["--gpus-per-node=2"]], ids=["task", "node"])
def test_ranks_of_a_node_choose_distinct_gpus(cluster, rank_devices, options):
    output = cluster.run("srun", "--mpi=pmix", "-N2", "--ntasks-per-node=2", *options, str(rank_devices))
    ranks = sorted(re.findall(r"^(n[12]) ([01]) ([01])$", output, re.MULTILINE))
    assert [node for node, _, _ in ranks] == ["n1", "n1", "n2", "n2"], output
    assert {(node, gpu) for node, _, gpu in ranks} == {("n1", "0"), ("n1", "1"), ("n2", "0"), ("n2", "1")}, output


def test_doctor_tells_how_srun_has_started_it(cluster, program, tmp_path):
    doctor = [str(program.binary), "doctor"]
    joined = cluster.run("srun", "--mpi=pmix", "-N2", "-n2", f"--chdir={tmp_path}", *doctor)
    assert re.search(r"^launcher +srun$", joined, re.MULTILINE), joined
    assert re.search(r"^ranks 0-1 +on n1, n2: ", joined, re.MULTILINE), joined
    alone = cluster.run("srun", "--mpi=none", "-N1", "-n2", f"--chdir={tmp_path}", *doctor)
    assert alone.count("srun has started this process without PMIx") == 1, alone
    sweep = cluster.run("srun", "--mpi=none", "-N1", "-n1", str(program.binary), "sweep", "none.cfg")
    assert "srun --mpi=list" in sweep


def test_wrong_job_file_ends_with_2_and_is_not_put_back(make_batch):
    batch = make_batch({**TRIALS, "sweep.methods": "no-such-method"}).submit()
    facts = batch.wait_for_end()
    assert (facts["JobState"], facts["ExitCode"], facts["Restarts"]) == ("FAILED", "2:0", "0"), batch.log
    assert "no-such-method" in batch.log
    assert not batch.job.results.exists()
