"""Completion in the shell, by the tables that the program has anyway."""

import re
import shutil
import subprocess

import pytest


def completed(program, *words, shell="bash"):
    """What a shell would offer for the last of these words."""
    script = program("completion", shell)
    assert (script.returncode, script.stderr) == (0, "")
    line = " ".join(f"'{word}'" for word in words)
    ask = f"COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _tunescope; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    result = subprocess.run(["bash", "--norc", "-c", f"{script.stdout}\n{ask}"], capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, ""), result.stderr
    return result.stdout.split()


def test_first_word_is_a_command(program):
    commands = re.findall(r"^  (\w+) {2,}\S", program("--help").stdout.split("Commands:")[1], re.MULTILINE)
    assert {"plan", "sweep", "doctor", "completion"} <= set(commands)
    assert completed(program, "tunescope", "") == ["--help", "--version", *commands]
    assert completed(program, "tunescope", "st") == ["status"]


def test_options_are_those_of_the_command(program):
    assert completed(program, "tunescope", "plan", "job.cfg", "--cal") == ["--calibrate"]
    assert completed(program, "tunescope", "status", "--wat") == ["--watch"]
    assert completed(program, "tunescope", "plan", "--wat") == []
    assert completed(program, "tunescope", "demo", "--") == ["--help", "--version"]


def test_keys_of_jobs_are_options_of_commands_that_take_a_job(program):
    keys = re.findall(r"^  ([a-z]+\.[a-z_]+) ", program("sweep", "--help").stdout, re.MULTILINE)
    offered = completed(program, "tunescope", "sweep", "job.cfg", "--")
    assert {f"--{key}" for key in keys} <= set(offered)
    assert completed(program, "tunescope", "sweep", "job.cfg", "--train.ep") == ["--train.epochs"]
    assert completed(program, "tunescope", "demo", "--train") == []


def test_files_are_left_to_the_shell(program):
    assert completed(program, "tunescope", "plan", "jo") == []


def test_zsh_is_offered_the_same(program):
    if shutil.which("zsh") is None:
        pytest.skip("zsh is not installed")
    script = program("completion", "zsh").stdout
    ask = 'emulate sh; COMP_WORDS=(tunescope plan --cal); COMP_CWORD=2; _tunescope; print -l -- "${COMPREPLY[@]}"'
    zsh = ["zsh", "-f", "-c", f"autoload -U compinit && compinit -u -D\n{script}\n{ask}"]
    result = subprocess.run(zsh, capture_output=True, text=True)
    assert result.stderr == ""
    # What does not begin with the word is left out by zsh itself, after this function.
    assert {"--calibrate", "--train.epochs"} <= set(result.stdout.split())


@pytest.mark.parametrize(
    ("arguments", "needle"),
    [([], "takes a shell, bash or zsh"), (["bash", "zsh"], "takes a shell"), (["fish"], "the shell 'fish'; known are")],
)
def test_other_shells_are_refused(program, arguments, needle):
    result = program("completion", *arguments)
    assert result.returncode == 2
    assert needle in result.stderr
    assert result.stdout == ""
