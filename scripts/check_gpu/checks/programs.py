"""The programs start, and the tests among them pass."""

import json
import re
from pathlib import Path
from typing import Any

from ..errors import CheckFailed, CheckSkipped
from ..libraries import needed_libraries
from ..machine import find_gpu, find_tool, libtorch_folders, package_version
from ..runner import Context

SANITIZERS = ("memcheck", "racecheck", "initcheck", "synccheck")


def check_start(context: Context) -> str:
    """Every program finds its libraries, and they are of the versions that it was built with."""
    if not libtorch_folders():
        raise CheckFailed("this Python has no torch; python3 -m pip install torch==2.11.0 brings it")
    for program in context.bundle.programs:
        missing = [name for name, path in needed_libraries(program, context.environment()).items() if path is None]
        if missing:
            raise CheckFailed(f"{program.name} does not find {', '.join(missing)}")
    text = context.run(context.program("tunescope"), "--version").output
    context.details["version"] = text.splitlines()
    packages = {name: package_version(name) for name in ("torch", "nvidia-nccl-cu13", "nvidia-cublas", "transformers")}
    context.details["packages"] = packages
    if packages["torch"] != context.bundle.manifest.libtorch:
        raise CheckFailed(f"built with LibTorch {context.bundle.manifest.libtorch}, found torch {packages['torch']}")
    if context.device == "cpu":
        return f"{len(context.bundle.programs)} programs, torch {packages['torch']}"
    nccl = re.search(r"nccl ([\d.]+)", text)
    if not nccl or (packages["nvidia-nccl-cu13"] or nccl[1]) != nccl[1]:
        raise CheckFailed(f"the program loads another NCCL than torch's {packages['nvidia-nccl-cu13']}: {text}")
    gpu = find_gpu()
    return f"{gpu.name}, driver for CUDA {gpu.driver}, torch {packages['torch']}, NCCL {nccl[1]}"


def run_tests(context: Context, name: str, tests: str) -> int:
    """Run tests of one program; return how many passed."""
    report = context.folder / f"{name}.json"
    arguments = (f"--gtest_filter={tests}", f"--gtest_output=json:{report}", "--gtest_brief=1")
    try:
        context.run(context.program(name), *arguments)
    except CheckFailed:
        if report.exists() and (failed := failed_tests(read_json(report))):
            more = f" and {len(failed) - 3} more" if len(failed) > 3 else ""
            raise CheckFailed(f"{name}: {', '.join(failed[:3])}{more} failed") from None
        raise
    suites = read_json(report)["testsuites"]
    passed = [case["name"] for suite in suites for case in suite["testsuite"] if case["result"] == "COMPLETED"]
    if not passed:
        raise CheckFailed(f"{name} has no tests named {tests}")
    return len(passed)


def read_json(report: Path) -> Any:
    return json.loads(report.read_text(encoding="utf-8"))


def failed_tests(result: Any) -> list[str]:
    return [
        f"{suite['name']}.{case['name']}"
        for suite in result["testsuites"]
        for case in suite["testsuite"]
        if case.get("failures")
    ]


def check_kernels(context: Context) -> str:
    """Each kernel on each device against the reference on the CPU; dropout masks to the bit."""
    return f"{run_tests(context, 'kernels_tests', '*')} tests"


def check_goldens(context: Context) -> str:
    """Logits, gradients and training curves are those of transformers, Fisher information that of float64."""
    count = run_tests(context, "model_tests", "TinyBert.*:Golden/Architectures.*:Switches/DebertaVariants.*")
    count += run_tests(context, "train_tests", "*TrainingCurve.*:*DropoutCurve.*:*FrozenScalars.*:Trainer.*")
    count += run_tests(context, "fisher_tests", "*")
    return f"{count} tests"


def check_device_code(context: Context) -> str:
    """CUDA's sanitizers find nothing in the device code."""
    program = context.program("simt_device_tests")
    sanitizer = find_tool("compute-sanitizer")
    if sanitizer is None:
        raise CheckSkipped("compute-sanitizer is not on this machine")
    for tool in SANITIZERS:
        context.run(sanitizer, "--tool", tool, "--error-exitcode", "1", program)
    return f"{', '.join(SANITIZERS)}: no report"


def check_trap(context: Context) -> str:
    """A kernel that traps ends the sweep with the GPU's name, and no trial counts as failed."""
    return f"{run_tests(context, 'trap_tests', '*')} tests"
