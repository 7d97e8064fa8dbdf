"""scripts/check-gpu: what it packs, and that it runs where the libraries that it carries are missing."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from check_gpu.libraries import OF_LIBTORCH, OF_THE_SYSTEM, open_mpi_folders
from check_gpu.pack import LARGEST_BYTES
from conftest import SCRIPT, run

pytest.importorskip("h5py")

# What a machine with torch and a GPU lacks. Others, such as libz, its own programs need.
ABSENT_ELSEWHERE = ("mpi", "open-", "hdf5", "boost", "icu", "spdlog", "fmt", "pmix", "sentencepiece")
WITH_CPU_FORM = ["start", "kernels", "goldens", "sweep", "resuming", "lanes", "reducers"]


def check(packed, output, *options, launcher=(), environment=None):
    """Run the checks of the unpacked bundle with the Python of this test, which has what its own would have."""
    command = [*launcher, sys.executable, "-m", "check_gpu", "--output", output, *options]
    own = {"PYTHONPATH": str(packed.folder / "scripts"), "CUDA_VISIBLE_DEVICES": ""}
    result = run(*command, env=os.environ | own | (environment or {}))
    return result, json.loads((output / "check-gpu.json").read_text())


def status_of(report):
    return {outcome["name"]: outcome["status"] for outcome in report["checks"]}


def hidden_paths(packed):
    """What of this machine's files is to be hidden: the libraries of those kinds and all of Open MPI."""
    names = [
        path.name for path in (packed.folder / "lib").iterdir() if any(part in path.name for part in ABSENT_ELSEWHERE)
    ]
    folders = [Path("/usr/lib/x86_64-linux-gnu"), Path("/usr/lib"), Path("/usr/lib64")]
    libraries = {(folder / name).resolve() for folder in folders for name in names if (folder / name).exists()}
    return sorted(libraries), sorted(open_mpi_folders().values())


def without_its_libraries(packed, empty):
    """A launcher of commands that find empty files and folders in place of those; none where that is not permitted."""
    libraries, folders = hidden_paths(packed)
    assert libraries
    mounts = [f"mount --bind /dev/null {shlex.quote(str(path))}" for path in libraries]
    mounts += [f"mount --bind {shlex.quote(str(empty))} {shlex.quote(str(path))}" for path in folders]
    launcher = ["unshare", "--mount", "bash", "-c", " && ".join([*mounts, 'exec "$@"']), "bash"]
    probe = subprocess.run([*launcher, "true"], capture_output=True, text=True)
    if probe.returncode != 0:
        pytest.skip(f"libraries cannot be hidden here: {probe.stderr.strip()}")
    return launcher


def test_archive_is_small_and_its_contents_are_told(packed):
    assert packed.archive.stat().st_size < LARGEST_BYTES
    assert " MB, commit " in packed.summary
    assert "  lib " in packed.summary and "  bin " in packed.summary
    assert "simt_device_tests" in packed.summary
    assert "tar xf bundle.tar.xz && tunescope-check-gpu/scripts/check-gpu" in packed.summary


def test_libraries_of_the_system_and_of_libtorch_stay_out(packed):
    carried = [path.name for path in (packed.folder / "lib").iterdir()]
    assert any(name.startswith("libmpi.so") for name in carried)
    assert any(name.startswith("libcurl.so") for name in carried), "which is none of CUDA's, whose names begin alike"
    assert not [name for name in carried if OF_THE_SYSTEM.match(name) or OF_LIBTORCH.match(name)]


def test_build_without_its_programs_is_refused_with_the_command_that_makes_them(tmp_path):
    result = run(SCRIPT, "--pack", tmp_path / "archive", "--build", tmp_path / "cuda")
    assert result.returncode == 2
    assert "tests/kernels_tests" in result.stderr
    assert "cmake --preset cuda -DTUNESCOPE_TESTS=ON" in result.stderr
    assert "cmake --build --preset cuda" in result.stderr
    assert not (tmp_path / "archive").exists()


def test_checkout_is_no_bundle(tmp_path):
    result = run(SCRIPT, cwd=tmp_path)
    assert result.returncode == 2
    assert "--pack" in result.stderr


def test_without_a_gpu_the_checks_with_a_cpu_form_pass_where_the_libraries_are_missing(packed, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    result, report = check(packed, tmp_path / "results", launcher=without_its_libraries(packed, empty))
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.startswith("no GPU here: ")
    status = status_of(report)
    assert [name for name, of_it in status.items() if of_it == "passed"] == WITH_CPU_FORM
    assert "FAILED" not in status.values()
    assert "\nnot run:\n" in result.stdout
    assert "  speed: needs a GPU\n" in result.stdout
    assert report["machine"]["device"] == "cpu"
    assert "\nINCOMPLETE, 9 of 16 checks were not run: 7 passed, 0 failed, 9 skipped" in result.stdout
    assert "speed" in report["not_run"]
    log = (tmp_path / "results" / "check-gpu.log").read_text()
    assert "test suites ran" in log


def test_missing_library_is_named(packed, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    launcher = without_its_libraries(packed, empty)
    (library,) = (packed.folder / "lib").glob("libmpi.so.*")
    elsewhere = library.rename(tmp_path / library.name)
    try:
        result, report = check(packed, tmp_path / "results", "--only", "start", launcher=launcher)
    finally:
        elsewhere.rename(library)
    assert result.returncode == 1
    assert "libmpi" in report["checks"][0]["figure"]


def test_golden_numbers_that_are_wrong_fail_and_the_checks_after_them_run(packed, tmp_path):
    curve = packed.folder / "tests" / "golden" / "train" / "curve.json"
    text = curve.read_text()
    golden = json.loads(text)
    golden["methods"]["full"]["loss"][20] += 0.01
    curve.write_text(json.dumps(golden))
    try:
        result, report = check(packed, tmp_path / "results", "--only", "goldens", "lanes")
    finally:
        curve.write_text(text)
    assert result.returncode == 1
    assert status_of(report) == {"goldens": "FAILED", "lanes": "passed"}
    assert "TrainingCurve" in report["checks"][0]["figure"]
