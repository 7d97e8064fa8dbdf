"""The recipes of containers: they are written as their tools want them, and take the same steps."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "packaging" / "Dockerfile"
DEFINITION = ROOT / "packaging" / "tunescope.def"
# Of Apptainer's documentation of definition files.
SHELL_SECTIONS = ("environment", "post", "pre", "runscript", "setup", "startscript", "test")
SECTIONS = {"arguments", "files", "help", "labels", *SHELL_SECTIONS}


def tool(name):
    """A program on the PATH or beside Python."""
    found = shutil.which(name) or shutil.which(name, path=Path(sys.executable).parent)
    if not found:
        pytest.skip(f"{name} is not installed")
    return found


def lint(*command, text=None):
    result = subprocess.run([str(word) for word in command], input=text, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stdout + result.stderr


def header_and_sections():
    """Of the Apptainer definition: the keywords before the first section, and each section's lines."""
    header, *rest = re.split(r"^%(\w+)\n", DEFINITION.read_text(), flags=re.MULTILINE)
    keywords = dict(line.split(": ") for line in header.splitlines() if line and not line.startswith("#"))
    return keywords, {name: body for name, body in zip(rest[::2], rest[1::2], strict=True)}


def commands(script):
    """Of a shell script, one per line or joined by &&, without clean-up."""
    joined = re.sub(r"\\\n", " ", script)
    lines = [line.strip() for line in re.split(r"&&|\n", joined)]
    return [line for line in lines if line and not line.startswith("rm ")]


def dockerfile_steps():
    text = DOCKERFILE.read_text()
    steps = []
    for kind, words in re.findall(r"^(RUN|WORKDIR) ((?:.*\\\n)*.*)", text, re.MULTILINE):
        steps += commands(words) if kind == "RUN" else [f"cd {words}"]
    return steps[: steps.index('packaging/install "$PRESET"') + 1]


def debian_packages():
    """Those that the recipes install, and those of scripts/setup with and without --tests."""
    named = re.findall(r"apt-get install -y --no-install-recommends ([\w\-. ]+)", DEFINITION.read_text())
    setup = (ROOT / "scripts" / "setup").read_text()
    lists = re.findall(r"^ *packages\+?=\(([^)]*)\)", setup, re.MULTILINE)
    assert named and len(lists) == 2
    return sorted({name for text in [*named, *lists] for name in shlex.split(text)})


def test_dockerfile_has_no_fault_that_hadolint_knows():
    lint(tool("hadolint"), DOCKERFILE)


def test_definition_has_the_keywords_and_sections_of_apptainer():
    keywords, sections = header_and_sections()
    assert set(keywords) == {"Bootstrap", "From"}
    assert set(sections) <= SECTIONS


def test_scripts_of_the_definition_have_no_fault_that_shellcheck_knows():
    _, sections = header_and_sections()
    scripts = [sections[name] for name in SHELL_SECTIONS if name in sections]
    assert scripts
    for script in scripts:
        lint(tool("shellcheck"), "--shell=sh", "-", text="set -e\n" + script.replace("{{ preset }}", "release"))


def test_both_containers_are_made_by_the_same_steps_from_the_same_system():
    keywords, sections = header_and_sections()
    steps = [step.replace("{{ preset }}", '"$PRESET"') for step in commands(sections["post"])]
    assert dockerfile_steps() == steps
    assert f"FROM {keywords['From']}\n" in DOCKERFILE.read_text()
    default = sections["arguments"].strip().removeprefix("preset=")
    assert f"ARG PRESET={default}\n" in DOCKERFILE.read_text()


def test_every_debian_package_exists():
    names = debian_packages()
    known = subprocess.run([tool("apt-cache"), "policy", *names], capture_output=True, text=True, timeout=60).stdout
    candidates = dict(re.findall(r"^(\S+):\n  Installed: .*\n  Candidate: (.*)$", known, re.MULTILINE))
    if not candidates:
        pytest.skip("apt has no lists of packages: apt-get update")
    assert {name for name in names if candidates.get(name, "(none)") == "(none)"} == set()
