"""Packs a bundle from the build that is tested, and unpacks it."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
SCRIPT = ROOT / "scripts" / "check-gpu"
sys.path.insert(0, str(ROOT / "scripts"))


def pytest_addoption(parser):
    parser.addoption("--binary", help="the tunescope program, in the build that is packed")


@dataclass
class Packed:
    """An archive, what the script said of it, and where it was unpacked."""

    archive: Path
    summary: str
    folder: Path


@pytest.fixture(scope="session")
def build(request):
    binary = request.config.getoption("--binary")
    if binary is None:
        pytest.skip("no build to pack: give --binary BUILD/tunescope")
    return Path(binary).resolve().parent


@pytest.fixture(scope="session")
def packed(build, tmp_path_factory):
    folder = tmp_path_factory.mktemp("packed")
    archive = folder / "bundle.tar.xz"
    # Little compression: it takes most of the time, and this archive goes nowhere.
    result = run(SCRIPT, "--pack", archive, "--build", build, "--level", "1")
    assert result.returncode == 0, result.stderr
    shutil.unpack_archive(archive, folder, filter="data")
    return Packed(archive, result.stdout, folder / "tunescope-check-gpu")


def run(*command, **options):
    return subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=600, **options)
