"""What makes another trial, and what is the same one: in another job, with other keys, weights or data."""

import pytest
from result_files import contents


@pytest.fixture(scope="module")
def swept(make_job, tmp_path_factory):
    job = make_job(tmp_path_factory.mktemp("swept"))
    job.sweep()
    return job


def test_job_with_the_same_trials_adopts_them(swept, make_job):
    second = make_job(swept.folder, {"name": "other", "sweep.seeds": "1 2"})
    result = second.sweep()
    assert "other: 12 trials, 6 already there, 6 to run" in result.stdout
    for path in swept.trial_files():
        twin = second.results / "trials" / path.name
        assert contents(twin, without=()) == contents(path, without=())
    assert len(second.trial_files()) == 12


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("data.max_length", "40"),
        ("data.train_examples", "31"),
        ("data.dev_examples", "15"),
        ("data.selection", "half-dev"),
        ("data.selection", "train:0.5"),
        ("sweep.peft_learning_rates", "2e-2"),
        ("sweep.learning_rates.layernorm", "2e-2"),
        ("sweep.seeds", "2"),
        ("train.epochs", "2"),
        ("train.max_steps", "2"),
        ("train.batch_size", "16"),
        ("train.warmup_fraction", "0.2"),
        ("train.schedule", "constant"),
        ("train.weight_decay", "0.02"),
        ("train.clip_norm", "2"),
        ("train.evaluate_every", "2"),
        ("train.dropout", "0.2"),
        ("train.precision", "bfloat16"),
    ],
)
def test_what_changes_numbers_makes_another_trial(swept, key, value):
    result = swept.run("status", f"--{key}", value, "--sweep.methods", "layernorm")
    assert "0 done, 0 diverged, 0 failed, 2 missing" in result.stdout


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("run.threads", "2"),
        ("run.device", "cpu"),
        ("run.progress", "none"),
        ("data.cache", "other-cache"),
        ("data.selection", "dev"),
        ("sweep.learning_rates", "0.001"),
        ("sweep.learning_rates.layernorm", "0.01"),
        ("sweep.methods", "random:pool=layernorm,fraction=0.50 layernorm full"),
        ("data.tasks", "MNLI, CoLA"),
        ("run.pack_weights", "no"),
    ],
)
def test_what_changes_no_number_keeps_the_trials(swept, key, value):
    assert "6 done, 0 diverged, 0 failed, 0 missing" in swept.run("status", f"--{key}", value).stdout


def test_changed_weights_make_other_trials(job, own_model):
    job.keys |= {"data.tasks": "CoLA", "sweep.methods": "layernorm"}
    job.sweep()
    weights = own_model / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    assert "1 missing" in job.run("status").stdout


def test_changed_data_make_other_trials(job, own_glue):
    job.keys |= {"sweep.methods": "layernorm"}
    job.sweep()
    path = own_glue / "CoLA" / "train.tsv"
    path.write_text("demo\t1\t\tA farmer sold a boat.\n" + path.read_text())
    assert "1 done, 0 diverged, 0 failed, 1 missing" in job.run("status").stdout
