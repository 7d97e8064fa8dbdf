"""What the compiler reports of each kernel for GPUs: nothing spilled, no stack, and registers within bounds."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src" / "kernels" / "cuda").rglob("*.cu"))
ARCHITECTURES = ["sm_80", "sm_90"]
MAX_STACK_BYTES = 0
# With 256 threads a block, 64 registers leave room for four blocks on a multiprocessor.
MAX_REGISTERS = 64
# Kernels that may use more, and why.
MORE_REGISTERS = {
    # A thread keeps its part of a tile of scores, and of what they are multiplied with. Of rows that are not aligned a
    # multiprocessor takes 8 warps, of others 12 (168 registers), as their launch bounds say.
    "attend": 232,
    "attend_backward_to_keys": 254,
    "attend_backward_to_queries": 254,
    # A thread keeps 64 numbers of a tile of the gradient and 64 sums of their squares.
    "add_squares_of_products": 216,
    "add_squares_by_matrix": 224,
    # A warp keeps a whole row of up to 1,024 numbers, and what is added to it.
    "differentiate_residual_sums": 168,
    "normalize_embeddings": 128,
    "normalize_residual_sums": 184,
}

REPORT = re.compile(
    r"Compiling entry function '(?P<symbol>\w+)' for '(?P<architecture>\w+)'.*?"
    r"(?P<stack>\d+) bytes stack frame, (?P<stores>\d+) bytes spill stores, (?P<loads>\d+) bytes spill loads.*?"
    r"Used (?P<registers>\d+) registers",
    re.DOTALL,
)


def compiler():
    nvcc = shutil.which("nvcc") or "/usr/local/cuda/bin/nvcc"
    if not Path(nvcc).exists():
        pytest.skip("this machine has no CUDA compiler (nvcc)")
    version = re.search(r"release (\d+)", subprocess.run([nvcc, "--version"], capture_output=True, text=True).stdout)
    if version is None or version[1] != "13":
        pytest.skip("the CUDA compiler (nvcc) of this machine is not of release 13")
    return nvcc


def torch_include():
    for root in ROOT.glob(".venv/lib/python3*/site-packages/torch/include"):
        return root
    pytest.skip("LibTorch's headers are not in .venv; scripts/setup installs them")


def name_of(symbol):
    """`drop_elements` of a mangled name."""
    text = subprocess.run(["c++filt", symbol], capture_output=True, text=True).stdout.strip()
    text = re.sub(r"\([\w: ]+\)(?=\d)", "", text.replace("(anonymous namespace)::", ""))  # casts of template arguments
    return re.search(r"(\w+)(<[^()]*>)?\(", text)[1]


def text_of_everything():
    """All files one after another, each in a namespace of its own: they use the same names for their own things."""
    lines = []
    for source in SOURCES:
        for name in re.findall(r'^#include "(.+)"', source.read_text(), re.MULTILINE):
            beside = (source.parent / name).resolve()
            lines.append(f'#include "{beside if beside.exists() else name}"')
        lines += re.findall(r"^#include <.+>", source.read_text(), re.MULTILINE)
    for source in SOURCES:
        own = f"cuda_{source.stem}"
        lines.append(f"namespace tunescope::{own} {{ using namespace tunescope::cuda; }}")
        lines += [f"#define cuda {own}", f'#include "{source}"', "#undef cuda"]
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """All kernels in one file, so that LibTorch's headers are read once; the assembler alone runs per architecture."""
    nvcc = compiler()
    folder = tmp_path_factory.mktemp("compiler_report")
    everything = folder / "everything.cu"
    everything.write_text(text_of_everything())
    command = [nvcc, "-std=c++20", "--expt-relaxed-constexpr", "-O3", "-fatbin", "-Xptxas", "-v"]
    command += [f"-gencode=arch=compute_80,code={architecture}" for architecture in ARCHITECTURES]
    command += [f"-I{ROOT / 'src'}", f"-I{ROOT / 'include'}", "-isystem", str(torch_include())]
    command += ["-o", str(folder / "everything.fatbin"), str(everything)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert result.returncode == 0, result.stderr
    return [match.groupdict() | {"name": name_of(match["symbol"])} for match in REPORT.finditer(result.stderr)]


def test_every_file_has_kernels_for_every_architecture(reports):
    assert {report["architecture"] for report in reports} == set(ARCHITECTURES)
    names = {report["name"] for report in reports}
    for source in SOURCES:
        own = set(re.findall(r"__global__\s+void\s+(?:__launch_bounds__\([^)]*\)\s+)?(\w+)\(", source.read_text()))
        assert own <= names, f"{source.name}: {own - names} were not compiled"


def test_no_kernel_spills_or_needs_more_than_its_bound(reports):
    wrong = []
    for report in sorted(reports, key=lambda report: (report["name"], report["symbol"], report["architecture"])):
        registers, stack = int(report["registers"]), int(report["stack"])
        spilled = int(report["stores"]) + int(report["loads"])
        line = f"{report['name']} {report['architecture']}: {registers} registers, "
        line += f"{stack} bytes of stack, {spilled} spilled"
        print(line)
        if spilled > 0 or stack > MAX_STACK_BYTES or registers > MORE_REGISTERS.get(report["name"], MAX_REGISTERS):
            wrong.append(line)
    assert not wrong, "\n".join(wrong)
