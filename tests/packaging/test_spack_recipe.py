"""The Spack recipe asks for what the build asks for. Spack itself is not needed: the recipe's directives are read."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
RECIPE = ROOT / "packaging" / "spack" / "spack_repo" / "tunescope" / "packages" / "tunescope" / "package.py"
CMAKE = (ROOT / "CMakeLists.txt").read_text()
# What CMake finds, by Spack's name.
SPACK_NAMES = {
    "Boost": "boost", "HDF5": "hdf5", "ICU": "icu4c", "MPI": "openmpi", "OpenSSL": "openssl", "spdlog": "spdlog",
    "nlohmann_json": "nlohmann-json", "CUDAToolkit": "cuda",
}  # fmt: skip
FOUND_BY_PATH = {"sentencepiece", "py-torch", "nccl"}
OF_THE_COMPILER = {"OpenMP", "Threads"}
FOR_TESTS = {"GTest"}


def directives(name):
    """The first argument of each call of this name; the variable of a loop shows as `*`."""
    calls = [node for node in ast.walk(ast.parse(RECIPE.read_text())) if isinstance(node, ast.Call)]
    named = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == name]
    return [re.sub(r"\{\w+\}", "*", ast.unparse(call.args[0]).lstrip("f").strip("'")) for call in named]


def test_every_library_of_the_build_is_a_dependency():
    modules = "\n".join(path.read_text() for path in (ROOT / "cmake").glob("*.cmake"))
    wanted = set(re.findall(r"find_package\((\w+) ", modules)) - OF_THE_COMPILER - FOR_TESTS
    assert wanted == set(SPACK_NAMES), "a library came or went: change this table and the recipe"
    named = {re.split(r"[@+~ ]", spec)[0] for spec in directives("depends_on")}
    assert {*SPACK_NAMES.values(), *FOUND_BY_PATH} <= named


def test_versions_are_those_of_the_project():
    assert directives("version") == re.findall(r"project\(tunescope VERSION (\S+)", CMAKE)
    (cmake,) = re.findall(r"cmake_minimum_required\(VERSION (\S+)\)", CMAKE)
    (torch,) = set(re.findall(r"torch==([\d.]+)", (ROOT / "scripts" / "setup").read_text()))
    specs = directives("depends_on")
    assert f"cmake@{cmake}:" in specs
    assert [spec for spec in specs if spec.startswith("py-torch")] == [
        f"py-torch@{torch}~cuda",
        f"py-torch@{torch}+cuda cuda_arch=*",
    ]


def test_source_is_the_checkout_of_the_recipe():
    (levels,) = re.findall(r"parents\[(\d+)\]", RECIPE.read_text())
    assert RECIPE.parents[int(levels)] == ROOT
