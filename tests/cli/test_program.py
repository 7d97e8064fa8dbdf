"""Help, version, plan, status, merge: what trains nothing."""

import shutil

import pytest

COMMANDS = ["plan", "sweep", "status", "merge", "doctor", "demo", "tokenize", "completion"]
HEADS = {"CoLA": 2 * 32 + 2, "MNLI": 3 * 32 + 3}
LAYERNORM = 5 * 2 * 32  # one in the embeddings, two in each of two layers
BACKBONE = 23648


def table_of(plan_output):
    """Rows of the plan's table by task and method: trials, done, diverged, failed, missing, trainable."""
    rows = {}
    lines = plan_output.splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("task "))
    for line in lines[first + 1 :]:
        if not line:
            return rows
        task, method, *counts = line.split()
        rows[task, method] = tuple(int(count) for count in counts[:6])
    return rows


def test_help_lists_the_commands(program):
    for option in ("--help", "-h"):
        result = program(option)
        assert result.returncode == 0
        assert result.stderr == ""
        for command in COMMANDS:
            assert f"\n  {command} " in result.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command(program, command):
    result = program(command, "--help")
    assert result.returncode == 0
    assert result.stdout.startswith(f"tunescope {command} ")
    assert "Exit status: 0" in result.stdout
    if command in ("plan", "sweep", "status", "merge"):
        for word in ("model.path", "train.epochs", "run.threads", "layernorm-output", "random:"):
            assert word in result.stdout


def test_version_names_the_libraries(program):
    for option in ("--version", "-V"):
        result = program(option)
        assert result.returncode == 0
        for word in ("tunescope ", "commit", "LibTorch", "Open MPI", "HDF5", "backends: cpu", "devices: "):
            assert word in result.stdout


def test_no_command_shows_the_help_and_is_wrong(program):
    result = program()
    assert result.returncode == 2
    assert "Commands:" in result.stdout


def test_plan_counts_trials_and_trainable_parameters(job):
    job.keys |= {"sweep.seeds": "1 2 3", "sweep.learning_rates": "1e-3, 1e-4"}
    result = job.run("plan")
    assert result.returncode == 0
    assert result.stderr == ""
    expected = {}
    for task, head in HEADS.items():
        expected[task, "full"] = (6, 0, 0, 0, 6, BACKBONE + head)
        expected[task, "layernorm"] = (3, 0, 0, 0, 3, LAYERNORM + head)
        expected[task, "random:fraction=0.5,pool=layernorm"] = (3, 0, 0, 0, 3, LAYERNORM // 2 + head)
    assert table_of(result.stdout) == expected
    assert "small: 24 trials, 24 to run" in result.stdout
    assert f"the model has {BACKBONE} parameters" in result.stdout
    assert not job.results.exists()


def test_option_overrides_the_job_file(job):
    result = job.run("plan", "--sweep.seeds", "1 2", "--data.tasks=CoLA", "--sweep.methods", "head")
    assert result.returncode == 0
    assert table_of(result.stdout) == {("CoLA", "head"): (2, 0, 0, 0, 2, HEADS["CoLA"])}


def test_path_takes_environment_variables(job, glue, monkeypatch):
    monkeypatch.setenv("TUNESCOPE_TEST_DATA", str(glue.parent))
    job.keys["data.glue"] = "${TUNESCOPE_TEST_DATA}/" + glue.name
    assert job.run("plan").returncode == 0


def column(output, name):
    """What `plan`'s table says in this column, by (task, method); columns are right-aligned but the first two."""
    lines = output.splitlines()
    header = next(line for line in lines if line.startswith("task"))
    end = header.index(name) + len(name)
    begin = header[: header.index(name)].rstrip()
    rows = lines[lines.index(header) + 1 : lines.index("")]
    return {tuple(row.split()[:2]): row[len(begin) : end].strip() for row in rows}


def test_plan_predicts_from_finished_trials(job):
    job.keys |= {"sweep.methods": "full head", "sweep.seeds": "1", "data.tasks": "CoLA"}
    assert set(column(job.run("plan").stdout, "time/trial").values()) == {"?"}
    job.sweep()
    job.keys["sweep.seeds"] = "1 2"
    output = job.run("plan").stdout
    assert all(value.endswith(" s") for value in column(output, "time/trial").values())
    assert "device-hours)" in output


def test_plan_measures_and_simulates(job):
    result = job.run("plan", "--calibrate", "--simulate", "3")
    assert result.returncode == 0, result.stderr
    assert result.stderr.count("measuring") == 6
    assert "?" not in column(result.stdout, "time/trial").values()
    assert "on 3 devices: " in result.stdout
    assert "above the lower bound" in result.stdout
    assert "TFLOP/s per device" not in result.stdout
    unmeasured = job.run("plan", "--simulate", "3", "--run.lanes", "auto").stdout
    assert "on 3 devices with up to 16 trials at once on each: " in unmeasured
    assert "TFLOP/s per device" in unmeasured
    assert not (job.results / "trials").exists() or job.trial_files() == []


def test_plan_measures_fisher_runs_by_themselves(job):
    job.keys |= {"sweep.methods": "head fisher:fraction=0.5", "fisher.examples": "8", "fisher.at": "head"}
    result = job.run("plan", "--calibrate", "--simulate", "2")
    assert result.returncode == 0, result.stderr
    measured = [line for line in result.stderr.splitlines() if line.endswith("Fisher information")]
    assert len(measured) == len(set(measured)) == 2  # tasks
    assert "2 to compute (" in result.stdout
    job.sweep()
    finished = job.run("plan", "--calibrate")
    assert "Fisher information" not in finished.stderr
    assert "2, 0 to compute\n" in finished.stdout


def test_plan_simulates_the_stages_of_a_sweep(job):
    job.keys |= {"sweep.methods": "full fisher:fraction=0.5", "fisher.examples": "8"}
    output = job.run("plan", "--simulate", "2").stdout
    assert "in this order: 2 trials, 2 Fisher runs, 2 trials that choose by them" in output
    job.keys["fisher.at"] = "head"
    output = job.run("plan", "--simulate", "2").stdout
    assert "in this order: 2 trials, 2 trainings that Fisher runs measure, 2 Fisher runs, 2 trials" in output
    job.sweep()
    assert "in this order" not in job.run("plan", "--simulate", "2").stdout


@pytest.mark.parametrize(
    ("command", "options", "needle"),
    [
        ("plan", ["--simulate", "0"], "a whole number, 1 or more"),
        ("plan", ["--simulate", "many"], "--simulate = many"),
        ("merge", ["--calibrate"], "belongs to tunescope plan, not to merge"),
        ("plan", ["--reseal"], "belongs to tunescope merge, not to plan"),
        ("status", ["--replace"], "belongs to tunescope merge, not to status"),
    ],
)
def test_options_of_one_command_are_checked(job, command, options, needle):
    result = job.run(command, *options)
    assert result.returncode == 2
    assert needle in result.stderr


def test_tokenized_data_are_cached_once(job):
    cache = job.folder / "results" / "cache"
    assert job.run("plan").returncode == 0
    first = {path.name: path.stat().st_mtime_ns for path in cache.iterdir()}
    assert len(first) == 5  # train and dev of CoLA; train and both dev sets of MNLI
    assert job.run("plan", "--sweep.seeds", "7").returncode == 0
    assert {path.name: path.stat().st_mtime_ns for path in cache.iterdir()} == first
    assert job.run("plan", "--data.max_length", "40").returncode == 0
    assert len(list(cache.iterdir())) == 10


def test_damaged_cache_entry_is_made_again(job):
    cache = job.folder / "results" / "cache"
    assert job.run("plan").returncode == 0
    contents = {path: path.read_bytes() for path in cache.iterdir()}
    for path, content in contents.items():
        path.write_bytes(content[: len(content) // 2])
    result = job.run("plan")
    assert result.returncode == 0, result.stderr
    assert all(f"warning: results/cache/{path.name}: is damaged" in result.stderr for path in contents)
    assert {path: len(path.read_bytes()) for path in cache.iterdir()} == {
        path: len(content) for path, content in contents.items()
    }


def test_status_of_a_job_that_was_not_run(job):
    result = job.run("status")
    assert result.returncode == 0
    assert "small: 6 trials: 0 done, 0 diverged, 0 failed, 6 missing" in result.stdout


def test_plan_status_and_merge_after_a_sweep(job):
    job.sweep()
    job.trial_files()[0].unlink()
    job.merged.unlink()
    plan = job.run("plan")
    assert sum(row[1] for row in table_of(plan.stdout).values()) == 5
    assert "small: 6 trials, 1 to run" in plan.stdout
    assert "small: 6 trials: 5 done, 0 diverged, 0 failed, 1 missing" in job.run("status").stdout
    merge = job.run("merge")
    assert merge.returncode == 0
    assert "5 of 6 trials; not complete" in merge.stdout
    assert job.merged.is_file()


@pytest.mark.parametrize("recorded_by", ["inputs", "merged file"])
def test_status_and_merge_without_data_and_model(job, own_glue, own_model, recorded_by):
    job.sweep()
    if recorded_by == "merged file":
        (job.results / "inputs").unlink()
    shutil.rmtree(own_glue)
    shutil.rmtree(own_model)
    status = job.run("status")
    assert status.returncode == 0, status.stderr
    assert "small: 6 trials: 6 done" in status.stdout
    assert "warning: model" in status.stderr
    before = job.merged.stat().st_mtime_ns
    merge = job.run("merge")
    assert merge.returncode == 0, merge.stderr
    assert "6 of 6 trials" in merge.stdout
    assert job.merged.stat().st_mtime_ns > before
    assert job.run("status", "--data.tasks", "RTE").returncode == 2, "of RTE nothing was recorded"


def test_merge_of_a_job_without_trials(job):
    result = job.run("merge")
    assert result.returncode == 0, result.stderr
    assert "0 of 6 trials; not complete" in result.stdout


def test_tokenize_prints_ids(program, model, vocabulary, glue):
    task_file = glue / "CoLA" / "dev.tsv"
    result = program("tokenize", model, task_file, "CoLA")
    assert result.returncode == 0
    lines = result.stdout.splitlines()
    assert len(lines) == len(task_file.read_text().splitlines())
    for line in lines:
        ids = [int(word) for word in line.split()]
        assert ids[0] == vocabulary.index("[CLS]")
        assert ids[-1] == vocabulary.index("[SEP]")


def test_tokenize_warns_of_rows_that_are_not_utf8(program, model, tmp_path):
    (tmp_path / "dev.tsv").write_bytes(b"sentence\tlabel\nthe old caf\xe9\t1\n")
    result = program("tokenize", model, tmp_path / "dev.tsv", "sst2")
    assert result.returncode == 0
    assert "dev.tsv: 1 rows are not UTF-8" in result.stderr


def test_demo_writes_every_task(program, tmp_path):
    assert program("demo", tmp_path / "first").returncode == 0
    assert program("demo", tmp_path / "second").returncode == 0
    tasks = sorted(path.name for path in (tmp_path / "first").iterdir())
    assert tasks == sorted(["CoLA", "SST-2", "MRPC", "STS-B", "QQP", "MNLI", "QNLI", "RTE"])
    for path in (tmp_path / "first").glob("*/*.tsv"):
        twin = tmp_path / "second" / path.relative_to(tmp_path / "first")
        assert path.read_bytes() == twin.read_bytes()
