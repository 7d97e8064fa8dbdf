"""Drives the program as a user does: job files in, exit status, messages and files out."""

import os
import shutil
import string
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

TINY_MODEL = Path(__file__).parent.parent / "golden" / "model" / "tiny"
VOCABULARY_SIZE = 120
ALL_SKIPPED = 77  # what CTest knows as "skipped"

JOB = {
    "name": "small",
    "model.path": "",
    "data.glue": "",
    "data.tasks": "CoLA MNLI",
    "data.max_length": "48",
    "data.train_examples": "32",
    "data.dev_examples": "16",
    "data.cache": "results/cache",
    "sweep.methods": "full layernorm random:fraction=0.5",
    "sweep.learning_rates": "1e-3",
    "sweep.peft_learning_rates": "1e-2",
    "sweep.seeds": "1",
    "train.epochs": "1",
    "train.batch_size": "8",
    "run.results": "results",
    "run.device": "cpu",
    "run.threads": "1",
    "run.lanes": "1",
}


def pytest_addoption(parser):
    parser.addoption("--binary", help="the tunescope program to test")


def pytest_sessionfinish(session, exitstatus):
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if exitstatus == 0 and reporter and reporter.stats.get("skipped") and not reporter.stats.get("passed"):
        session.exitstatus = ALL_SKIPPED


class Program:
    """The program; `ranks` starts it under mpirun."""

    def __init__(self, binary):
        self.binary = binary

    def __call__(self, *arguments, ranks=None, cwd=None):
        launcher = [] if ranks is None else ["mpirun", "--oversubscribe", "-n", str(ranks)]
        environment = os.environ | {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
        command = [*launcher, str(self.binary), *map(str, arguments)]
        return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300)


@dataclass
class Job:
    """A job file in a folder of its own, written anew before each run; a key of None is left out."""

    program: Program
    folder: Path
    keys: dict

    @property
    def file(self):
        return self.folder / "job.cfg"

    @property
    def results(self):
        return self.folder / self.keys["run.results"] / self.keys["name"]

    @property
    def merged(self):
        return self.results / f"{self.keys['name']}.h5"

    @property
    def text(self):
        lines, section = [], ""
        for name, value in self.keys.items():
            *key_section, key = name.split(".", 1)
            if value is None:
                continue
            if key_section and key_section[0] != section:
                section = key_section[0]
                lines.append(f"[{section}]")
            lines.append(f"{key} = {value}")
        return "\n".join(lines) + "\n"

    def line_of(self, key):
        return self.text.splitlines().index(f"{key.split('.')[-1]} = {self.keys[key]}") + 1

    def run(self, command, *options, ranks=None):
        self.file.write_text(self.text)
        return self.program(command, self.file.name, *options, ranks=ranks, cwd=self.folder)

    def sweep(self, *options, ranks=1, expected_status=0):
        result = self.run("sweep", *options, ranks=ranks)
        assert result.returncode == expected_status, result.stdout + result.stderr
        return result

    def trial_files(self):
        return sorted((self.results / "trials").glob("*.h5"))

    def largest_group(self, ranks):
        """Of trials that a rank had in training at a time, by its log."""
        largest = 0
        for rank in range(ranks):
            running = 0
            for line in (self.results / "log" / f"rank-{rank}.log").read_text().splitlines():
                running += " starts: " in line
                running -= " ended: " in line
                largest = max(largest, running)
        return largest

    def modification_times(self):
        return {path.name: path.stat().st_mtime_ns for path in self.trial_files()}


@pytest.fixture(scope="session")
def program(request):
    option = request.config.getoption("--binary")
    if option is None:
        pytest.skip("no program to test: give --binary PATH")
    binary = Path(option).resolve()
    if not binary.is_file():
        pytest.skip(f"no program to test: {binary} does not exist")
    if shutil.which("mpirun") is None:
        pytest.skip("mpirun is not on the PATH")
    return Program(binary)


def make_vocabulary():
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    letters = [*string.ascii_lowercase, *(f"[unused{number}]" for number in range(26))]
    letters += [f"##{letter}" for letter in string.ascii_lowercase]
    words = ["the", "in", "was", "and", "not", "never", "an", "of", "with", "sold", "found", "student", "old"]
    endings = ["##ed", "##er", "##in", "##ing", "##or", "##an"]
    tokens = [*special, *letters, *string.digits, *".,?!'-:;", *words, *endings]
    assert len(tokens) == VOCABULARY_SIZE
    return tokens


def write_vocabulary(folder, tokens):
    (folder / "vocab.txt").write_text("\n".join(tokens) + "\n")


@pytest.fixture(autouse=True)
def nothing_is_left_running():
    yield
    from interruption import kill_what_is_left

    kill_what_is_left()


@pytest.fixture(scope="session")
def vocabulary():
    return make_vocabulary()


@pytest.fixture(scope="session")
def model(tmp_path_factory, vocabulary):
    """The tiny golden model with a vocabulary: 2 layers, 32 wide, 48 positions."""
    folder = tmp_path_factory.mktemp("model")
    for name in ("config.json", "model.safetensors"):
        shutil.copy(TINY_MODEL / name, folder)
    write_vocabulary(folder, vocabulary)
    return folder


@pytest.fixture(scope="session")
def glue(program, tmp_path_factory):
    folder = tmp_path_factory.mktemp("glue")
    assert program("demo", folder).returncode == 0
    return folder


@pytest.fixture(scope="session")
def make_job(program, model, glue):
    """Make a job in a folder, with some keys other than `JOB`'s."""

    def make(folder, keys=None):
        return Job(program, folder, {**JOB, "model.path": str(model), "data.glue": str(glue), **(keys or {})})

    return make


@pytest.fixture(scope="session")
def undisturbed(make_job, tmp_path_factory):
    """A sweep of `LONGER` on 2 ranks that nothing happened to."""
    from interruption import LONGER

    job = make_job(tmp_path_factory.mktemp("undisturbed"), LONGER)
    job.sweep(ranks=2)
    return job


@pytest.fixture
def job(make_job, tmp_path):
    return make_job(tmp_path)


@pytest.fixture
def own_model(job, model, tmp_path):
    """Give the job a copy of the model, to be damaged."""
    folder = tmp_path / "model"
    shutil.copytree(model, folder)
    job.keys["model.path"] = "model"
    return folder


@pytest.fixture
def own_glue(job, glue, tmp_path):
    """Give the job a copy of the data, to be damaged."""
    folder = tmp_path / "glue"
    shutil.copytree(glue, folder)
    job.keys["data.glue"] = "glue"
    return folder
