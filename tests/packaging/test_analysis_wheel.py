"""The wheel of the analysis package, in an environment that has nothing else."""

import shutil
import subprocess
import sys
import tomllib
import venv
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ANALYSIS = ROOT / "analysis"


def run(*command, **options):
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=600, **options)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    # Of a copy: setuptools leaves its `build` in the source, and would take old files from there.
    source = shutil.copytree(ANALYSIS, folder / "source", ignore=shutil.ignore_patterns("build", "tests"))
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, source)
    (found,) = folder.glob("*.whl")
    return found


def test_has_every_file_of_the_package_and_the_license(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    package = ANALYSIS / "tunescope_analysis"
    wanted = {path.relative_to(ANALYSIS).as_posix() for path in package.rglob("*") if "__pycache__" not in path.parts}
    folders = {path.relative_to(ANALYSIS).as_posix() for path in package.rglob("*") if path.is_dir()}
    assert wanted - folders <= names
    (license_file,) = (name for name in names if name.endswith("/licenses/LICENSE"))
    assert zipfile.ZipFile(wheel).read(license_file) == (ROOT / "LICENSE").read_bytes()


def test_says_license_and_version(wheel):
    (metadata,) = (name for name in zipfile.ZipFile(wheel).namelist() if name.endswith(".dist-info/METADATA"))
    fields = Parser().parsestr(zipfile.ZipFile(wheel).read(metadata).decode())
    project = tomllib.loads((ANALYSIS / "pyproject.toml").read_text())["project"]
    assert fields["License-Expression"] == "Apache-2.0"
    assert fields["Version"] == project["version"]
    assert fields.get_all("Classifier") == project["classifiers"]


def test_installs_in_an_empty_environment_and_writes_a_report(wheel, tmp_path):
    venv.create(tmp_path / "empty", with_pip=True)
    programs = tmp_path / "empty" / "bin"
    run(programs / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel)
    assert "usage: tunescope-report" in run(programs / "tunescope-report", "--help", cwd=tmp_path)
    run(sys.executable, ANALYSIS / "tests" / "make_sample.py", "minilm", "sample.h5", cwd=tmp_path)
    run(programs / "tunescope-report", "sample.h5", "-o", "report", "--format", "html", cwd=tmp_path)
    assert "<html" in (tmp_path / "report" / "report.html").read_text()
