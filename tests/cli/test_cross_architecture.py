"""scripts/cross-architecture: one job on several models, and one report. Most tests have stand-ins for the programs."""

import csv
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
SCRIPT = ROOT / "scripts" / "cross-architecture"
STAND_IN = """\
#!/bin/bash
echo "$(basename "$0") $*" >> calls
for argument; do
  [[ $argument != models/$BAD ]] || exit "$STATUS"
done
"""


class Checkout:
    """A folder with the script, and programs that write down how they are called."""

    def __init__(self, folder):
        self.folder = folder
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("TUNESCOPE_")}
        self.environment |= {"PATH": f"{folder}/bin:{os.environ['PATH']}", "BAD": "none", "STATUS": "0"}
        (folder / "scripts").mkdir()
        shutil.copy(SCRIPT, folder / "scripts")
        self.write("build/release/tunescope", STAND_IN)
        self.write("bin/mpirun", '#!/bin/bash\nexec "$@"\n')
        self.write(".venv/bin/tunescope-report", STAND_IN)

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)

    def run(self, *arguments, status=0):
        command = [self.folder / "scripts" / "cross-architecture", *arguments]
        result = subprocess.run(command, cwd="/", env=self.environment, capture_output=True, text=True, timeout=300)
        assert result.returncode == status, result.stdout + result.stderr
        return result.stdout + result.stderr

    @property
    def calls(self):
        path = self.folder / "calls"
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def checkout(tmp_path):
    return Checkout(tmp_path)


def call(command, model, *options):
    own = f"--name job-{model} --model.path models/{model} --run.results results"
    return " ".join([f"tunescope {command} jobs/job.cfg", own, *options])


REPORT = "tunescope-report results/job-bert/job-bert.h5 results/job-gpt2/job-gpt2.h5 -o results/job/report"


def test_every_model_is_planned_before_one_is_trained_and_all_are_reported_on(checkout):
    checkout.run("jobs/job.cfg", "models/bert", "models/gpt2/", "--train.epochs", "1")

    options = ("--train.epochs", "1")
    plans, sweeps = ([call(command, model, *options) for model in ("bert", "gpt2")] for command in ("plan", "sweep"))
    assert checkout.calls == [*plans, *sweeps, REPORT]


@pytest.mark.parametrize("status", [2, 3])
def test_a_model_that_is_refused_keeps_all_from_being_trained(checkout, status):
    checkout.environment |= {"BAD": "gpt2", "STATUS": str(status)}

    checkout.run("jobs/job.cfg", "models/bert", "models/gpt2", status=status)

    assert checkout.calls == [call("plan", "bert"), call("plan", "gpt2")]


@pytest.mark.parametrize(("status", "goes_on"), [(1, True), (75, False)])
def test_failed_trials_keep_no_other_model_from_being_trained_but_a_stop_does(checkout, status, goes_on):
    checkout.environment |= {"BAD": "bert", "STATUS": str(status)}
    planned = STAND_IN.replace("for argument", "[[ $1 != plan ]] || exit 0\nfor argument")
    checkout.write("build/release/tunescope", planned)

    checkout.run("jobs/job.cfg", "models/bert", "models/gpt2", status=status)

    assert (call("sweep", "gpt2") in checkout.calls) == goes_on
    assert (REPORT in checkout.calls) == goes_on


def test_program_and_launcher_can_be_named(checkout):
    checkout.write("own", STAND_IN)
    checkout.write("bin/srun", '#!/bin/bash\necho "srun $1" >> calls; shift; exec "$@"\n')
    checkout.environment |= {"TUNESCOPE_BINARY": "./own", "TUNESCOPE_LAUNCH": "srun --ntasks=2"}

    checkout.run("jobs/job.cfg", "models/bert", "models/gpt2")

    assert [line.split()[0] for line in checkout.calls] == ["own", "own", *["srun", "own"] * 2, "tunescope-report"]
    assert "srun --ntasks=2" in checkout.calls


@pytest.mark.parametrize("arguments", [[], ["jobs/job.cfg"], ["jobs/job.cfg", "models/one"], ["--train.epochs", "1"]])
def test_less_than_two_models_is_wrong_use(checkout, arguments):
    assert "scripts/cross-architecture JOB.cfg MODEL MODEL" in checkout.run(*arguments, status=2)
    assert checkout.calls == []


def test_two_models_of_one_name_are_wrong_use(checkout):
    output = checkout.run("jobs/job.cfg", "models/bert", "other/bert", status=2)

    assert "two models would have the results folder results/job-bert" in output
    assert checkout.calls == []


def test_help_says_what_it_does(checkout):
    assert "writes one report on all of them" in checkout.run("--help")


def test_three_architectures_stand_side_by_side(checkout, program, glue):
    pytest.importorskip("xarray")
    h5py = pytest.importorskip("h5py")
    report = f'PYTHONPATH={ROOT}/analysis exec {sys.executable} -m tunescope_analysis --format csv "$@"'
    checkout.write(".venv/bin/tunescope-report", f"#!/bin/bash\n{report}\n")
    checkout.environment["PATH"] = os.environ["PATH"]
    checkout.environment |= {"TUNESCOPE_BINARY": str(program.binary), "TUNESCOPE_LAUNCH": "mpirun --oversubscribe -n 2"}
    subprocess.run([sys.executable, ROOT / "scripts" / "tiny_models.py", checkout.folder / "models"], check=True)
    small = ["--data.glue", glue, "--run.device", "cpu", "--run.threads", "1", "--sweep.seeds", "1"]
    architectures = {"bert": "BERT", "deberta": "DeBERTa-v2", "gpt2": "GPT-2"}

    checkout.run(ROOT / "jobs" / "demo-architectures.cfg", *(f"models/{name}" for name in architectures), *small)

    files = {name: f"demo-architectures-{name}" for name in architectures}
    for name, architecture in architectures.items():
        with h5py.File(checkout.folder / "results" / files[name] / f"{files[name]}.h5") as file:
            assert file.attrs["architecture"] == architecture
            assert file.attrs["complete"] == 1
    with (checkout.folder / "results" / "demo-architectures" / "report" / "models.csv").open() as table:
        rows = list(csv.DictReader(table))
    norms = {
        f"{place}LayerNorm.{part}" for place in ("", "attention.output.", "output.") for part in ("weight", "bias")
    }
    for quantity in ("change", "fisher"):
        of = {
            name: {row["component"] for row in rows if (row["quantity"], row["file"]) == (quantity, files[name])}
            for name in architectures
        }
        assert norms <= of["bert"] & of["deberta"] & of["gpt2"]
        assert of["bert"] - of["deberta"] == {"dense.weight", "dense.bias", "attention.self.key.bias",
                                              "position_embeddings.weight", "token_type_embeddings.weight"}  # fmt: skip
        assert "attention.self.key.bias.with_gradient" in of["deberta"]
        assert of["gpt2"] - of["bert"] == {f"attention.self.query_key_value.{part}" for part in ("weight", "bias")}
