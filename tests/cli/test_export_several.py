"""`tunescope export --where`, its formats, and what each refuses."""

import json

import pytest

h5py = pytest.importorskip("h5py")
np = pytest.importorskip("numpy")

from result_files import kept_file, trials  # noqa: E402

METHODS = "layernorm bitfit head lora:rank=2 adapter:size=3"


@pytest.fixture(scope="module")
def swept(make_job, tmp_path_factory):
    keys = {"run.keep": "trained", "sweep.methods": METHODS, "sweep.seeds": "1 2"}
    job = make_job(tmp_path_factory.mktemp("several"), keys)
    job.sweep(ranks=2)
    return job


def ids_of(job, **columns):
    return {
        trial
        for trial, task, method in trials(job)
        if {"task": task, "method": method.split(":")[0]}.items() >= columns.items()
    }


def export(job, *arguments):
    result = job.run("export", *arguments)
    assert result.returncode == 0, result.stderr
    return result


def refusal(job, *arguments):
    result = job.run("export", *arguments)
    assert result.returncode == 2, result.stdout + result.stderr
    return result.stderr.splitlines()[-1]


def folders_in(folder):
    return {path.name for path in folder.iterdir()}


def test_each_chosen_trial_gets_a_folder(swept, tmp_path):
    result = export(swept, "--where", "task=CoLA,method=layernorm,method=lora", tmp_path / "out")
    assert folders_in(tmp_path / "out") == ids_of(swept, task="CoLA", method="layernorm") | ids_of(
        swept, task="CoLA", method="lora"
    )
    assert "4 trials written, 0 were already there" in result.stdout
    for trial in folders_in(tmp_path / "out"):
        export(swept, trial, tmp_path / "alone" / trial)
        for name in ("config.json", "model.safetensors", "vocab.txt"):
            one, other = tmp_path / "alone" / trial / name, tmp_path / "out" / trial / name
            assert one.read_bytes() == other.read_bytes()


def test_the_best_of_each_task_is_the_one_of_the_highest_score(swept, tmp_path):
    export(swept, "--where", "method=layernorm,best=task", tmp_path / "out")
    with h5py.File(swept.merged) as merged:
        columns = {name: merged[f"trials/{name}"] for name in ("task", "id", "method", "score")}
        rows = [(row[1].decode(), row[0].decode(), row[3]) for row in zip(*columns.values(), strict=True)
                if row[2] == b"layernorm"]  # fmt: skip
    best = {}
    for trial, task, score in rows:
        if task not in best or score > best[task][1]:
            best[task] = (trial, score)
    assert folders_in(tmp_path / "out") == {trial for trial, _ in best.values()}


def test_what_is_there_is_not_written_again(swept, tmp_path):
    export(swept, "--where", "task=CoLA,method=head", tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    result = export(swept, "--where", "method=head", tmp_path)
    assert "2 trials written, 2 were already there" in result.stdout
    assert all(path.stat().st_mtime_ns == time for path, time in before.items() if path != tmp_path)
    export(swept, "--where", "method=lora", tmp_path / "lora")
    assert "exists" in refusal(swept, "--format", "peft", "--where", "method=lora", tmp_path / "lora")


def test_trials_that_peft_has_no_method_for_are_left_out(swept, tmp_path):
    result = export(swept, "--format", "peft", "--where", "task=CoLA", tmp_path)
    assert folders_in(tmp_path) == ids_of(swept, task="CoLA", method="layernorm") | ids_of(
        swept, task="CoLA", method="lora"
    )
    for reason in ("trains the head alone", "PEFT has methods for LayerNorm", "adds layers that PEFT does not have"):
        assert result.stderr.count(reason) == 2
    for trial in folders_in(tmp_path):
        config = json.loads((tmp_path / trial / "adapter_config.json").read_text())
        assert config["base_model_name_or_path"] == str(swept.keys["model.path"])
        assert config["modules_to_save"] == ["classifier"]
    assert "none of the chosen trials can be exported" in refusal(
        swept, "--format", "peft", "--where", "method=head", tmp_path / "none"
    )


def test_an_adapter_is_not_taken_for_a_model(swept, tmp_path):
    export(swept, "--format", "peft", min(ids_of(swept, method="lora")), tmp_path / "out")
    result = swept.run("plan", "--model.path", tmp_path / "out")
    assert result.returncode == 2
    assert "is an adapter of PEFT, not a model" in result.stderr


def test_one_trial_that_peft_has_no_method_for(swept, tmp_path):
    trial = min(ids_of(swept, method="bitfit"))
    message = refusal(swept, trial, tmp_path / "out", "--format", "peft")
    assert "which trains bert.embeddings.LayerNorm.bias" in message or "other tensors" in message
    assert not (tmp_path / "out").exists()


def test_wrong_conditions_and_formats(swept, tmp_path):
    out = tmp_path / "out"
    assert "did you mean 'task'?" in refusal(swept, "--where", "tsk=CoLA", out)
    assert "did you mean 'peft'?" in refusal(swept, "--format", "pfet", "--where", "task=CoLA", out)
    assert "chooses none of the 20 trials" in refusal(swept, "--where", "seed=3", out)
    assert "takes a job file, a trial and a folder" in refusal(swept, "--where", "seed=1", "abc", out)
    assert "--where belongs to tunescope export" in swept.run("plan", "--where", "seed=1").stderr
    assert not out.exists()


def test_trials_without_weights_are_left_out(job, tmp_path):
    job.keys |= {"sweep.methods": "full head", "data.tasks": "CoLA", "run.keep": "auto"}
    job.sweep()
    result = export(job, "--where", "task=CoLA", tmp_path / "out")
    assert folders_in(tmp_path / "out") == ids_of(job, method="head")
    assert "1 of them are left out: they are not done, or their weights were not kept" in result.stderr
    assert "of none of them weights were kept" in refusal(job, "--where", "method=full", tmp_path / "none")


def test_the_size_of_kept_weights_is_a_column(swept):
    with h5py.File(swept.merged) as merged:
        sizes = dict(zip(merged["trials/id"].asstr()[:], merged["trials/kept_bytes"][:], strict=True))
    assert sizes == {trial: kept_file(swept, trial).stat().st_size for trial in sizes}
    with h5py.File(swept.trial_files()[0]) as file:
        assert file["trials/kept_bytes"][0] == sizes[swept.trial_files()[0].stem]


def test_a_merged_file_tells_the_size_of_the_weights_that_are_there(job):
    job.keys |= {"sweep.methods": "head", "data.tasks": "CoLA", "run.keep": "trained"}
    job.sweep()
    kept_file(job, trials(job)[0][0]).unlink()
    assert job.run("merge").returncode == 0
    with h5py.File(job.merged) as merged:
        assert merged["trials/kept_bytes"][0] == 0
