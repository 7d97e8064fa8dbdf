"""Compares tokenizers with the libraries that others use, where these are installed."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
ALL_SKIPPED = 77  # what CTest knows as "skipped"


def pytest_addoption(parser):
    parser.addoption("--driver", help="the program built from tokenize_stdin.cpp")


def pytest_sessionfinish(session, exitstatus):
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    # A file that is skipped as a whole has no tests to collect.
    is_well = exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
    if is_well and reporter and reporter.stats.get("skipped") and not reporter.stats.get("passed"):
        session.exitstatus = ALL_SKIPPED


@pytest.fixture(scope="session")
def driver(request):
    option = request.config.getoption("--driver")
    if option is None or not Path(option).is_file():
        pytest.skip("no program to test: give --driver PATH")
    return Path(option)


@pytest.fixture(scope="session")
def shared():
    """Data that is too large, or not free, to be kept with the project."""
    folder = Path(os.environ.get("TUNESCOPE_SHARED", ROOT.parent / "shared")) / "data"
    if not folder.is_dir():
        pytest.skip(f"{folder} is absent")
    return folder
