"""How checks are run: each within its limit, whatever becomes of the others."""

import json
import time
from pathlib import Path

import pytest
from check_gpu.bundle import Bundle, Manifest
from check_gpu.checks.speed import check_fisher_speed, check_speed
from check_gpu.errors import CheckFailed, CheckSkipped
from check_gpu.process import Log
from check_gpu.report import Outcome, Report
from check_gpu.runner import Check, Place, run_checks


@pytest.fixture
def run(tmp_path):
    """Run checks in an empty bundle; return what the JSON file tells of them."""

    def run_all(*checks, device="cuda", seconds=60.0):
        bundle = Bundle(tmp_path, Manifest("0123", "2.11.0", True, {}))
        report = Report(tmp_path / "report.json", {"gpu": "none"})
        run_checks(checks, Place(bundle, device, tmp_path / "scratch", Log(tmp_path / "log")), report, seconds)
        return json.loads((tmp_path / "report.json").read_text())["checks"]

    return run_all


def passing(context):
    context.details["ms"] = 7.0
    return "all is well"


def failing(context):
    raise CheckFailed("two and two are five")


def sleeping(context):
    return context.run("sh", "-c", "sleep 60 & echo $! > child; wait").output


def is_running(process):
    """Whether a process computes; one that was killed may wait for a parent to ask for its status."""
    stat = Path(f"/proc/{process}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


def test_lines_name_status_seconds_and_figure(run, capsys):
    (outcome,) = run(Check("good", 5, passing))
    assert (outcome["status"], outcome["figure"], outcome["details"]) == ("passed", "all is well", {"ms": 7.0})
    (line,) = capsys.readouterr().out.splitlines()
    assert line.split() == ["passed", "0.0", "s", "good", "all", "is", "well"]


def test_report_says_what_was_not_run(tmp_path):
    report = Report(tmp_path / "report.json", {}, ["good", "bad", "skipped", "last"])
    for name, status in (("good", "passed"), ("bad", "FAILED"), ("skipped", "skipped")):
        report.add(Outcome(name, status, 0.0, ""))
    assert json.loads(report.file.read_text())["not_run"] == ["skipped", "last"]
    assert report.summary() == "INCOMPLETE, 2 of 4 checks were not run: 1 passed, 1 failed, 1 skipped"
    for name in ("skipped", "last"):
        report.add(Outcome(name, "passed", 0.0, ""))
    assert "INCOMPLETE" not in report.summary()


def test_failure_keeps_no_other_check_from_running(run):
    def broken(context):
        raise KeyError("a fault of the check")

    outcomes = run(Check("bad", 5, failing), Check("broken", 5, broken), Check("good", 5, passing))
    assert [outcome["status"] for outcome in outcomes] == ["FAILED", "FAILED", "passed"]
    assert outcomes[0]["figure"] == "two and two are five"
    assert "KeyError" in outcomes[1]["figure"]


def test_check_is_stopped_at_its_limit_with_all_that_it_started(run, tmp_path):
    begin = time.monotonic()
    outcomes = run(Check("endless", 1, sleeping), Check("good", 5, passing))
    assert time.monotonic() - begin < 10
    assert [outcome["status"] for outcome in outcomes] == ["FAILED", "passed"]
    assert "time limit" in outcomes[0]["figure"]
    child = int((tmp_path / "scratch" / "endless" / "child").read_text())
    deadline = time.monotonic() + 10  # a signal takes its time on a busy machine
    while is_running(child) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not is_running(child)


def test_what_a_check_leaves_running_is_ended_with_it(run):
    started = []

    def careless(context):
        started.append(context.start("sleep", "60"))
        return "left behind"

    run(Check("careless", 5, careless))
    assert started[0].poll() is not None


def test_checks_for_which_the_time_of_the_run_is_not_enough_are_skipped(run):
    outcomes = run(Check("endless", 60, sleeping), Check("late", 5, passing), seconds=1.0)
    assert [outcome["status"] for outcome in outcomes] == ["skipped", "skipped"]
    assert all("time of this run was over" in outcome["figure"] for outcome in outcomes)


def test_on_the_cpu_checks_without_a_form_for_it_are_skipped(run):
    (outcome,) = run(Check("gpu", 5, passing, has_cpu_form=False), device="cpu")
    assert (outcome["status"], outcome["figure"]) == ("skipped", "needs a GPU")


def test_check_whose_program_is_not_in_the_bundle_is_skipped(run):
    (outcome,) = run(Check("trap", 5, lambda context: str(context.program("trap_tests"))))
    assert (outcome["status"], outcome["figure"]) == ("skipped", "trap_tests is not in this bundle")


def test_check_that_skips_itself_says_why(run):
    def lacking(context):
        raise CheckSkipped("no compute-sanitizer")

    (outcome,) = run(Check("lacking", 5, lacking))
    assert (outcome["status"], outcome["figure"]) == ("skipped", "no compute-sanitizer")


def test_command_that_fails_is_named_with_its_last_line(run):
    (outcome,) = run(
        Check("bad", 5, lambda context: context.run("sh", "-c", "echo first; echo last >&2; exit 3").output)
    )
    assert outcome["status"] == "FAILED"
    assert "status 3" in outcome["figure"] and outcome["figure"].endswith("last")


def test_what_was_timed_until_the_time_limit_counts(run, tmp_path):
    programs = tmp_path / "bin"
    programs.mkdir()
    line = {"name": "train/full/length:64/real_time", "aggregate": "median", "ms": 13.5, "items_per_second": 2370.0}
    mean = line | {"aggregate": "mean", "ms": 99.0}
    lines = f"echo '{json.dumps(line)}'; echo '{json.dumps(mean)}'; printf '{{\"name\": \"cut of'; sleep 60"
    for name, commands in (("tunescope", "echo bfloat16 tf32 float32"), ("engine_benchmark", lines)):
        (programs / name).write_text(f"#!/bin/sh\n{commands}\n")
        (programs / name).chmod(0o755)
    (outcome,) = run(Check("speed", 2, check_speed))
    assert outcome["status"] == "passed"
    assert outcome["figure"].endswith("train full 13.5; stopped at the time limit")
    timed = outcome["details"]["bert-large"]["bfloat16"]
    assert timed == {"train/full/length:64": {"ms": 13.5, "examples/s": 2370.0}}


def test_fisher_information_is_told_beside_a_pass_over_the_same_examples(run, tmp_path):
    programs = tmp_path / "bin"
    programs.mkdir()
    lines = [
        json.dumps({"name": f"{name}/full/length:64/real_time", "aggregate": "median", "ms": ms})
        for name, ms in (("forward_backward", 800.0), ("fisher", 960.0))
    ]
    (programs / "engine_benchmark").write_text("#!/bin/sh\n" + "".join(f"echo '{line}'\n" for line in lines))
    (programs / "engine_benchmark").chmod(0o755)
    (outcome,) = run(Check("fisher", 5, check_fisher_speed))
    assert outcome["status"] == "passed"
    assert outcome["figure"].endswith("bfloat16 15.0, 1.20 passes; float32 120.0, 1.20 passes")
