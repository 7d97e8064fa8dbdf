"""Drives scripts/fetch-assets' program as a user does, against a server on loopback."""

import hashlib
import io
import json
import os
import string
import subprocess
import sys
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from server import Server  # noqa: E402

ROOT = Path(__file__).parent.parent.parent
ARCHIVES = {"CoLA": "CoLA", "SST-2": "SST-2", "STS-B": "STS-B", "QQP": "QQP-clean", "MNLI": "MNLI"}
ARCHIVES |= {"QNLI": "QNLIv2", "RTE": "RTE"}
MRPC_CORPUS = "/senteval/senteval_data/msr_paraphrase_train.txt"
MRPC_DEV_IDS = "/glue/data/mrpc_dev_ids.tsv"
MRPC_HEADER = "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n"
GOLDEN = ROOT / "tests" / "golden" / "fetch"
TINY = ROOT / "tests" / "golden" / "model" / "tiny"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def pytest_addoption(parser):
    parser.addoption("--binary", help="the tunescope program, to show that it takes what was fetched")


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def archive_path(task):
    return f"/glue/data/{ARCHIVES[task]}.zip"


GLUE = ("--only", "glue")
RTE = (*GLUE, "--tasks", "RTE")
RTE_ARCHIVE = archive_path("RTE")


def zip_of(members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def task_files(task):
    names = ["train.tsv", "dev.tsv"]
    if task == "MNLI":
        names = ["train.tsv", "dev_matched.tsv", "dev_mismatched.tsv"]
    return {name: f"sentence\tlabel\r\n{task} of {name}: na\u00efve\t1\n".encode() for name in names}


def publish_task(server, task, files=None):
    """Put a task's archive on the server, with what the real ones hold beside the files that are read."""
    members = {f"{task}/{name}": content for name, content in (files or task_files(task)).items()}
    members |= {f"{task}/test.tsv": b"not read", f"{task}/original/": b"", f"{task}/original/raw.txt": b"not read"}
    server.files[archive_path(task)] = zip_of(members)


def publish_mrpc(server):
    rows = [f'{i % 2}\t{100 + i}\t{200 + i}\tFirst "{i}.\tSecond {i}.\n' for i in range(6)]
    server.files[MRPC_CORPUS] = b"\xef\xbb\xbf" + (MRPC_HEADER + "".join(rows)).replace("\n", "\r\n").encode()
    server.files[MRPC_DEV_IDS] = b"101\t201\r\n104\t204\r\n"
    return rows


def model_files(weights=b"weights" * 1000):
    return {
        "config.json": b'{"model_type": "bert"}',
        "model.safetensors": weights,
        "vocab.txt": b"[PAD]\n",
        "tokenizer.json": b"{}",
        "tokenizer_config.json": b'{"do_lower_case": false}',
        "pytorch_model.bin": b"not read",
        "README.md": b"not read",
    }


def tiny_model():
    """The files of a model that the program trains in a moment."""
    files = {name: (TINY / name).read_bytes() for name in ("config.json", "model.safetensors")}
    letters = [*string.ascii_lowercase, *(f"##{letter}" for letter in string.ascii_lowercase)]
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters]
    tokens += [f"[unused{number}]" for number in range(json.loads(files["config.json"])["vocab_size"] - len(tokens))]
    return files | {"vocab.txt": "\n".join(tokens).encode()}


READ_OF_MODEL = ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "vocab.txt"]


def tensors_of(safetensors):
    """Return type, shape and bytes of each tensor of a safetensors file."""
    length = int.from_bytes(safetensors[:8], "little")
    header, content = json.loads(safetensors[8 : 8 + length]), safetensors[8 + length :]
    assert header.pop("__metadata__") == {"format": "pt"}  # without it transformers refuses the file
    places = sorted(entry["data_offsets"] for entry in header.values())
    assert places[0][0] == 0 and places[-1][1] == len(content)
    assert all(left[1] == right[0] for left, right in zip(places, places[1:], strict=False))
    return {
        name: (entry["dtype"], entry["shape"], content[slice(*entry["data_offsets"])]) for name, entry in header.items()
    }


@dataclass
class Program:
    """The program in an empty folder; default paths lie in it, servers are the one on loopback."""

    folder: Path
    server: Server
    environment: dict = field(default_factory=dict)

    @property
    def lock_file(self):
        return self.folder / "scripts" / "assets.lock"

    @property
    def lock(self):
        return json.loads(self.lock_file.read_text())

    def command(self, *arguments):
        return [sys.executable, "-m", "fetch_assets", "--glue-url", self.server.url, *map(str, arguments)]

    def options(self):
        """What subprocess needs beside the command. Nothing of the user's hub settings or proxies gets in."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
        own = {
            "PYTHONPATH": str(ROOT / "scripts"),
            "HF_ENDPOINT": self.server.url,
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HOME": str(self.folder / "hub"),
            "NO_PROXY": "127.0.0.1,localhost",
        }
        return {
            "cwd": self.folder,
            "env": inherited | own | self.environment,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
            "text": True,
        }

    def __call__(self, *arguments):
        return subprocess.run(self.command(*arguments), timeout=60, **self.options())

    def fetch(self, *arguments, status=0):
        """Run, and check the exit status; return what was printed."""
        result = self(*arguments)
        assert result.returncode == status, result.stdout + result.stderr
        return result.stdout + result.stderr

    def task(self, name):
        """Names and contents of everything below a task's folder."""
        return contents(self.folder / "data" / "glue" / name)

    def model(self, name):
        """Names and contents of everything below a model's folder."""
        return contents(self.folder / "models" / name)


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def server():
    server = Server()
    yield server
    server.close()


@pytest.fixture
def program(tmp_path, server):
    return Program(tmp_path, server)


@pytest.fixture
def tunescope(request, tmp_path):
    """The program, to show that it takes what was fetched or converted."""
    option = request.config.getoption("--binary")
    if option is None:
        pytest.skip("no program to try the files with: give --binary PATH")
    binary = Path(option).resolve()
    return lambda *arguments: subprocess.run(
        [binary, *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )


@pytest.fixture
def rte(server):
    """Serve RTE with rows enough to cut a transfer in the middle; return its files."""
    files = {name: content + os.urandom(50_000) for name, content in task_files("RTE").items()}
    publish_task(server, "RTE", files)
    return files
