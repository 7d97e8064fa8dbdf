"""The order of folders, and their sizes: what CONTRIBUTING says of the code's layers is so."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEADERS = ROOT / "include" / "tunescope"
SOURCES = ROOT / "src"

# From the lowest level of abstraction to the highest: a folder includes only itself and those before it.
LAYERS = [
    "base", "io", "random", "hdf5", "text", "data", "device", "parallel", "kernels", "model", "method", "train",
    "fisher", "results", "plan", "storage", "schedule", "run", "cli",
]  # fmt: skip

MAX_FILES = 12
MAX_LINES = 300
# A folder or file that is larger, and why.
WIDE_FOLDERS = {
    "tests/cli": "a file for each topic, found by its name",
    "tests/support": "small headers, each for several folders of tests",
}
LONG_FILES = {}


def code_files(folder):
    return sorted(path for path in folder.rglob("*") if path.suffix in {".hpp", ".cpp", ".cu", ".py"})


def layer_of(path, root):
    return path.relative_to(root).parts[0]


def test_folders_are_those_of_the_layers():
    for root in (HEADERS, SOURCES):
        folders = {path.name for path in root.iterdir() if path.is_dir()}
        assert folders <= set(LAYERS)


def test_headers_and_sources_have_the_same_folders():
    sources = {path.name for path in SOURCES.iterdir() if path.is_dir()}
    assert {path.name for path in HEADERS.iterdir() if path.is_dir()} == sources


@pytest.mark.parametrize("root", [HEADERS, SOURCES], ids=["include", "src"])
def test_a_folder_includes_only_those_before_it(root):
    wrong = []
    for path in code_files(root):
        if path == SOURCES / "main.cpp":
            continue
        layer = LAYERS.index(layer_of(path, root))
        for included in re.findall(r'#include "(?:tunescope/)?(\w+)/', path.read_text()):
            if included in LAYERS and LAYERS.index(included) > layer:
                wrong.append(f"{path.relative_to(ROOT)} includes {included}")
    assert not wrong, "\n".join(wrong)


# A pass copies the batch's layout to its device once (`BatchLayout`); kernels read it there.
def test_no_kernel_copies_to_the_device():
    uploads = re.compile(r"at::tensor\(|at::scalar_tensor\(|\.to\([^)]*device|cudaMemcpy|\.host\.data\(\)|\.cuda\(\)")
    wrong = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for backend in ("aten", "cuda")
        for path in code_files(SOURCES / "kernels" / backend)
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if uploads.search(line)
    ]
    assert not wrong, "\n".join(wrong)


def test_contributing_tells_the_layers_in_this_order():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    places = [text.find(f"\n| `{layer}` |") for layer in LAYERS]
    assert -1 not in places, f"CONTRIBUTING.md has no row for {LAYERS[places.index(-1)]}"
    assert places == sorted(places)


def test_no_folder_has_too_many_files():
    wide = {}
    for root in (HEADERS, SOURCES, ROOT / "tests"):
        for folder in [path for path in root.rglob("*") if path.is_dir() and "golden" not in path.parts]:
            count = sum(1 for path in folder.iterdir() if path.suffix in {".hpp", ".cpp", ".cu", ".py", ".c"})
            if count > MAX_FILES:
                wide[folder.relative_to(ROOT).as_posix()] = count
    assert set(wide) == set(WIDE_FOLDERS), wide


def test_no_file_is_too_long():
    long = {
        path.relative_to(ROOT).as_posix()
        for root in (HEADERS, SOURCES, ROOT / "tests", ROOT / "analysis")
        for path in code_files(root)
        if len(path.read_text().splitlines()) > MAX_LINES
    }
    assert long == set(LONG_FILES)
