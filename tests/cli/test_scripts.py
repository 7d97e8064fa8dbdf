"""What scripts read and people watch: plan and status as JSON, and status that shows itself again."""

import json
import os
import pty
import re
import signal
import subprocess

import pytest
from interruption import LONGER, STOPPED_EARLY, start, wait_until, wait_until_training


def json_of(result):
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def watch(job, *options, stdout=subprocess.PIPE):
    job.file.write_text(job.text)
    command = [job.program.binary, "status", job.file.name, "--watch", *options]
    return subprocess.Popen(command, cwd=job.folder, stdout=stdout, stderr=subprocess.STDOUT, text=True,
                            preexec_fn=heed_interrupts)  # fmt: skip


def heed_interrupts():
    """A shell makes what it runs in the background ignore them, these tests too."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_status_in_json_has_the_counts_of_the_text(job):
    counts = {"total": 6, "done": 0, "diverged": 0, "failed": 0, "missing": 6, "saved": 0}
    nothing = {"waiting_for_screening": 0, "sweep_is_at_work": False, "running": [], "unsuccessful": []}
    assert json_of(job.run("status", "--json")) == {"job": "small", "trials": counts, **nothing}
    job.sweep()
    job.trial_files()[0].unlink()
    assert json_of(job.run("status", "--json"))["trials"] == counts | {"done": 5, "missing": 1}
    assert "5 done, 0 diverged, 0 failed, 1 missing" in job.run("status").stdout


def test_status_in_json_tells_why_trials_have_no_result(job):
    job.keys |= {"sweep.methods": "full", "data.tasks": "CoLA", "sweep.learning_rates": "1e30"}
    job.sweep(expected_status=1)
    status = json_of(job.run("status", "--json"))
    (diverged,) = status["unsuccessful"]
    assert status["trials"]["diverged"] == 1
    assert diverged["end"] == "diverged"
    assert diverged["trial"] == {"task": "CoLA", "method": "full", "learning_rate": 1e30, "seed": 1}
    text = job.run("status").stdout
    assert f"{diverged['id']} CoLA full lr 1e+30 seed 1: diverged: {diverged['error']}\n" in text


def test_status_in_json_tells_what_is_running(make_job, tmp_path):
    job = make_job(tmp_path, LONGER | {"train.epochs": "5000", "sweep.methods": "full"})
    sweep = start(job)
    try:
        wait_until_training(job)
        wait_until(lambda: all(trial["step"] > 0 for trial in json_of(job.run("status", "--json"))["running"]))
        status = json_of(job.run("status", "--json"))
        assert status["sweep_is_at_work"]
        assert [trial["rank"] for trial in status["running"]] == [0, 1]
        for trial in status["running"]:
            assert trial["steps"] == 5000 * 128 // 8
            assert 0 < trial["step"] < trial["steps"]
            assert trial["seconds_left"] is None or trial["seconds_left"] > 0
            assert trial["trial"]["method"] == "full"
    finally:
        sweep.send_signal(signal.SIGUSR2)
        sweep.communicate(timeout=150)
    assert sweep.returncode == STOPPED_EARLY


def test_plan_in_json_has_the_facts_of_the_text(job):
    job.keys |= {"sweep.methods": "full head", "data.tasks": "CoLA", "sweep.seeds": "1 2"}
    plan = json_of(job.run("plan", "--json"))
    text = job.run("plan").stdout
    assert (plan["trials"]["total"], plan["trials_to_run"], plan["device_seconds"]) == (4, 4, None)
    assert f"the model has {plan['model']['parameters']} parameters" in text
    assert f"model: {plan['model']['architecture']}, {plan['model']['layers']} layers" in text
    assert [(row["task"], row["method"]) for row in plan["methods"]] == [("CoLA", "full"), ("CoLA", "head")]
    assert plan["flop"] == pytest.approx(sum(2 * row["flop_per_trial"] for row in plan["methods"]))
    assert all(row["seconds_per_trial"] is None for row in plan["methods"])
    assert (plan["screening"], plan["fisher"], plan["ablation"], plan["simulation"]) == (None,) * 4
    start_here = plan["best_start"]
    assert start_here["device"] == "cpu"
    assert f"best here: mpirun -n {start_here['ranks']}, " in text
    assert plan["results"] == "results/small/small.h5"


def test_plan_in_json_tells_times_and_stages(job):
    job.keys |= {"sweep.methods": "full fisher:fraction=0.5", "fisher.examples": "8", "sweep.seeds": "1 2 3"}
    job.keys["sweep.screening"] = "seeds:1,keep:1"
    job.keys["sweep.learning_rates"] = job.keys["sweep.peft_learning_rates"] = "1e-3 1e-4"
    plan = json_of(job.run("plan", "--json", "--calibrate", "--simulate", "2"))
    assert all(row["seconds_per_trial"] > 0 for row in plan["methods"])
    assert plan["device_seconds"] == pytest.approx(sum(row["device_seconds"] for row in plan["methods"]))
    assert plan["screening"] == {"seeds": 1, "all_seeds": 3, "keep": 1, "trials": 16, "grid": 24}
    simulation = plan["simulation"]
    assert simulation["devices"] == 2
    assert simulation["seconds"] >= simulation["lower_bound_seconds"] > 0
    assert not simulation["rate_is_assumed"]
    stages = simulation["stages"]
    assert stages["fisher_runs"] == plan["fisher"]["to_compute"] > 0
    trials = ("independent_trials", "dependent_trials", "screened_trials")
    assert sum(stages[key] for key in trials) == plan["trials_to_run"]


def test_watch_ends_at_once_where_no_sweep_is_at_work(job):
    result = job.run("status", "--watch")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == job.run("status").stdout


def test_watch_shows_each_change_until_the_sweep_is_done(make_job, tmp_path):
    job = make_job(tmp_path, LONGER)
    sweep = start(job)
    wait_until_training(job)
    output, _ = watch(job, "0.1").communicate(timeout=300)
    sweep.communicate(timeout=300)
    blocks = output.split("\n\n")
    assert len(blocks) > 1
    assert "a sweep is at work here" in blocks[0]
    done = [int(re.search(r"8 trials: (\d+) done", block)[1]) for block in blocks]
    assert done == sorted(done)
    assert done[-1] == 8
    assert all(one != other for one, other in zip(blocks, blocks[1:], strict=False))


def test_watch_redraws_a_terminal_until_it_is_interrupted(make_job, tmp_path):
    job = make_job(tmp_path, LONGER | {"train.epochs": "5000"})
    sweep = start(job)
    ours, theirs = pty.openpty()
    try:
        wait_until_training(job)
        watching = watch(job, "0.1", stdout=theirs)
        output = b""
        while b"\x1b[H\x1b[2J" not in output:
            output += os.read(ours, 4096)
        watching.send_signal(signal.SIGINT)
        assert watching.wait(timeout=60) == -signal.SIGINT
        assert sweep.poll() is None
    finally:
        sweep.send_signal(signal.SIGUSR2)
        sweep.communicate(timeout=150)
        os.close(ours)
        os.close(theirs)


@pytest.mark.parametrize(
    ("command", "options", "needle"),
    [
        ("status", ["--watch", "--json"], "exclude each other"),
        ("status", ["--watch", "0"], "--watch = 0"),
        ("status", ["--watch=often"], "--watch = often"),
        ("plan", ["--watch"], "belongs to tunescope status, not to plan"),
        ("sweep", ["--json"], "belongs to tunescope plan, status, doctor, not to sweep"),
    ],
)
def test_wrong_options_are_refused(job, command, options, needle):
    result = job.run(command, *options)
    assert result.returncode == 2
    assert needle in result.stderr
    assert result.stdout == ""
