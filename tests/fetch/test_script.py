"""scripts/fetch-assets itself: what it installs, and what it hands on."""

import shutil
import subprocess

import pytest
from conftest import ROOT

RECORDER = """#!/bin/sh
echo "$(basename "$0") $*" >> "$(dirname "$0")/../../calls"
exit {status}
"""


@pytest.fixture
def checkout(tmp_path):
    """A checkout with the script, and a .venv whose programs write down how they are called."""
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    programs = tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name, status in (("pip", 0), ("python", 7)):
        (programs / name).write_text(RECORDER.format(status=status))
        (programs / name).chmod(0o755)
    return tmp_path


def run(checkout, *arguments):
    command = [checkout / "scripts" / "fetch-assets", *arguments]
    return subprocess.run(command, cwd="/", capture_output=True, text=True, timeout=150)


def calls(checkout):
    return (checkout / "calls").read_text().splitlines()


def test_it_installs_once_and_hands_on_arguments_and_status(checkout):
    assert [run(checkout, "--only", "glue").returncode for _ in range(2)] == [7, 7]

    install, *programs = calls(checkout)
    assert install.startswith("pip install ")
    assert install.endswith("--requirement scripts/fetch_assets/requirements.txt")
    assert programs == ["python -m fetch_assets --only glue"] * 2


def test_parquet_files_need_one_package_more(checkout):
    run(checkout, "--convert", "dev.json")
    run(checkout, "--convert", "train.parquet", "test.parquet")

    install, plain, more, parquet = calls(checkout)
    assert plain == "python -m fetch_assets --convert dev.json"
    assert more.endswith("--requirement scripts/fetch_assets/parquet_requirements.txt")
    assert parquet == "python -m fetch_assets --convert train.parquet test.parquet"


def test_other_requirements_are_installed_anew(checkout):
    run(checkout)
    (checkout / "scripts/fetch_assets/requirements.txt").write_text("other\n")
    run(checkout)

    assert [call.split()[0] for call in calls(checkout)] == ["pip", "python"] * 2


def test_a_failed_installation_is_an_error_of_the_environment(checkout):
    (checkout / ".venv/bin/pip").write_text("#!/bin/sh\nexit 1\n")

    for _ in range(2):
        result = run(checkout)
        assert result.returncode == 3
        assert "could not install scripts/fetch_assets/requirements.txt" in result.stderr
