"""The package's folders depend on each other in one direction, and none grows too wide."""

import ast
from pathlib import Path

import pytest

import tunescope_analysis

PACKAGE = Path(tunescope_analysis.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
BELOW = {
    "io": {"io"},
    "dashboards": {"io", "dashboards"},
    "stats": {"stats"},
    "report": {"io", "report"},
    "topics": {"io", "stats", "report", "topics"},
}


def imports_of(path):
    """Every module that a file imports, `from a import b` as `a`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def folder_of(path):
    return path.relative_to(PACKAGE).parts[0]


@pytest.mark.parametrize("folder", BELOW)
def test_a_folder_imports_only_from_itself_and_those_below_it(folder):
    for path in MODULES:
        if folder_of(path) == folder:
            names = [name.split(".") for name in imports_of(path) if name.startswith("tunescope_analysis")]
            assert {name[1] for name in names} <= BELOW[folder], path


def test_statistics_know_arrays_only():
    found = {
        name.split(".")[0] for path in MODULES if folder_of(path) == "stats" for name in imports_of(path)
    }
    assert found.isdisjoint({"h5py", "jinja2", "matplotlib", "pandas", "xarray"})


def test_no_folder_has_more_than_twelve_files():
    for folder in {path.parent for path in MODULES}:
        assert len([path for path in folder.iterdir() if path.is_file()]) <= 12, folder


def test_a_verdict_does_not_look_at_sections():
    for path in PACKAGE.glob("topics/*/verdict.py"):
        assert not [name for name in imports_of(path) if name.endswith(".section")], path
