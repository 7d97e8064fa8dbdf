"""`[ablation]`: trained models with groups of their scalars put back."""

from pathlib import Path

import pytest

h5py = pytest.importorskip("h5py")
np = pytest.importorskip("numpy")

from interruption import run_to_the_end, start  # noqa: E402
from plain_classifier import PlainClassifier, read_safetensors  # noqa: E402
from result_files import kept_file  # noqa: E402

GROUPS = ["head", "layernorm", "random:fraction=0.5,pool=layernorm"]
KEYS = {
    "data.tasks": "CoLA",
    "data.dev_examples": "0",
    "sweep.methods": "full layernorm",
    "sweep.seeds": "1 2",
    "ablation.groups": " ".join(GROUPS[1:]),
    "run.keep": "trained",
}
KINDS = ["reset", "transplant"]
CANNOT = "cannot be ablated, for their weights were not kept"


@pytest.fixture(scope="module")
def swept(make_job, tmp_path_factory):
    job = make_job(tmp_path_factory.mktemp("ablated"), KEYS)
    job.sweep(ranks=2)
    return job


def rows_of(job):
    """Scalars, loss and score by trial, group and kind, in the order of the file."""
    with h5py.File(job.merged) as file:
        group = file["ablation"]
        keys = zip(*(group[name].asstr()[:] for name in ("id", "group", "kind")), strict=True)
        values = zip(*(group[name][:] for name in ("scalars", "loss", "score")), strict=True)
        return dict(zip(keys, values, strict=True))


def final_scores(job, method="full"):
    with h5py.File(job.merged) as file:
        trials = file["trials"]
        rows = zip(trials["id"].asstr()[:], trials["method"].asstr()[:], trials["final_score"][:], strict=True)
        return {trial: score for trial, own, score in rows if own == method}


def test_every_trial_of_full_has_both_kinds_of_each_group(swept):
    trials = list(final_scores(swept))
    assert list(rows_of(swept)) == [(trial, group, kind) for trial in trials for group in GROUPS for kind in KINDS]


def test_head_alone_tells_what_the_trained_model_scores(swept):
    rows = rows_of(swept)
    for trial, score in final_scores(swept).items():
        assert rows[trial, "head", "reset"][2] == pytest.approx(score, abs=1e-12)
        assert rows[trial, "head", "reset"][1] != rows[trial, "head", "transplant"][1]
        assert rows[trial, "head", "reset"][0] == 0


def texts_of(job):
    """The token ids of the development set of CoLA, none of which is truncated."""
    file = Path(job.keys["data.glue"]) / "CoLA" / "dev.tsv"
    result = job.program("tokenize", job.keys["model.path"], file, "CoLA")
    texts = [[int(token) for token in line.split()] for line in result.stdout.splitlines()]
    assert max(map(len, texts)) <= int(job.keys["data.max_length"])
    return texts


def mean_loss(classifier, texts, labels):
    logits = np.stack([classifier.logits(ids, [0] * len(ids)) for ids in texts])
    log_sums = np.log(np.exp(logits).sum(-1))
    return np.mean(log_sums - logits[np.arange(len(labels)), labels.astype(int)])


@pytest.mark.parametrize("kind", KINDS)
def test_loss_is_that_of_the_model_with_these_tensors_exchanged(swept, tmp_path, kind):
    trial = next(iter(final_scores(swept)))
    assert swept.run("export", trial, tmp_path / "trained").returncode == 0
    classifier = PlainClassifier(tmp_path / "trained")
    before, _ = read_safetensors(Path(swept.keys["model.path"]) / "model.safetensors")
    exchanged = 0
    for name in classifier.tensors:
        is_put_back = ("LayerNorm" in name) == (kind == "reset")
        if is_put_back and not name.startswith("classifier"):
            classifier.tensors[name] = before[name].astype(np.float64)
            exchanged += "LayerNorm" in name
    with h5py.File(swept.merged) as file:
        labels = file[f"predictions/{trial}/label"][:]
    scalars, loss, _ = rows_of(swept)[trial, "layernorm", kind]
    assert loss == pytest.approx(mean_loss(classifier, texts_of(swept), labels), abs=1e-5)
    assert scalars == sum(tensor.size for name, tensor in before.items() if "LayerNorm" in name)
    assert exchanged == (10 if kind == "reset" else 0)


def test_sweep_computes_only_what_is_missing_and_trains_nothing_again(make_job, tmp_path):
    job = make_job(tmp_path, KEYS | {"ablation.groups": "none"})
    assert "ablat" not in job.sweep(ranks=1).stdout
    with h5py.File(job.merged) as file:
        assert "ablation" not in file
    times = job.modification_times()
    job.keys["ablation.groups"] = "layernorm"
    assert "ablation of 2 trained models" in job.sweep(ranks=2).stdout
    first = rows_of(job)
    job.keys["ablation.groups"] = KEYS["ablation.groups"]
    assert "ablation of 2 trained models" in job.sweep(ranks=1).stdout
    assert "ablat" not in job.sweep(ranks=1).stdout
    rows = rows_of(job)
    assert len(rows) == 12
    assert {key: rows[key] for key in first} == first
    assert job.modification_times() == times


def test_stopped_sweep_goes_on_with_the_ablation(make_job, swept, tmp_path):
    job = make_job(tmp_path, KEYS)
    job.sweep("--ablation.groups", "none", ranks=2)
    job.sweep("--run.deadline_seconds", "0.001", ranks=2, expected_status=75)
    run_to_the_end(job)
    expected = rows_of(swept)
    assert list(rows_of(job)) == list(expected)
    for key, (_, loss, score) in rows_of(job).items():
        assert (loss, score) == pytest.approx(expected[key][1:], abs=1e-6)


def test_sweeps_that_share_a_folder_share_the_models(make_job, swept, tmp_path):
    job = make_job(tmp_path, KEYS | {"sweep.seeds": "1 2 3 4"})
    job.sweep("--ablation.groups", "none", ranks=2)
    sweeps = [start(job, "--share", ranks=1) for _ in range(2)]
    outputs = [sweep.communicate(timeout=150)[0] for sweep in sweeps]
    assert [sweep.returncode for sweep in sweeps] == [0, 0], outputs
    assert "".join(outputs).count("\nablated CoLA") == 4
    assert len(rows_of(job)) == 4 * len(GROUPS) * len(KINDS)


def test_trial_that_is_trained_again_is_ablated_again(make_job, tmp_path):
    job = make_job(tmp_path, KEYS | {"sweep.seeds": "1"})
    job.sweep()
    (file,) = (job.results / "ablation").iterdir()
    (job.results / "trials" / file.name).unlink()
    job.sweep("--ablation.groups", "none")
    assert not file.exists()
    assert "ablation of 1 trained model" in job.sweep().stdout


def test_damaged_file_is_computed_again(make_job, tmp_path):
    job = make_job(tmp_path, KEYS | {"sweep.seeds": "1"})
    job.sweep()
    expected = rows_of(job)
    (file,) = (job.results / "ablation").iterdir()
    file.write_bytes(file.read_bytes()[:-100])
    assert "ablation of 1 trained model" in job.sweep().stdout
    assert rows_of(job) == expected


def test_trials_without_kept_weights_are_told_and_left_out(make_job, tmp_path):
    job = make_job(tmp_path, KEYS | {"sweep.seeds": "1"})
    job.sweep("--ablation.groups", "none")
    kept_file(job, next(iter(final_scores(job)))).unlink()
    result = job.sweep()
    assert f"1 trial {CANNOT}" in result.stderr.replace("\n", " ")


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"run.keep": "none"}, "run.keep"),
        ({"ablation.methods": "layernorm"}, None),
        ({"ablation.methods": "bitfit"}, "[sweep] methods"),
        ({"ablation.groups": "fisher:fraction=0.5"}, "Fisher information"),
        ({"ablation.groups": "lora"}, "add nothing"),
        ({"ablation.groups": "layernorm layernorm"}, "only once"),
        ({"ablation.groups": "layrnorm"}, "layernorm"),
        ({"ablation.groups": "random:scalars=1000000"}, "choose fewer"),
    ],
)
def test_what_cannot_be_ablated_is_refused_before_training(make_job, tmp_path, keys, words):
    job = make_job(tmp_path, KEYS | {"sweep.seeds": "1"} | keys)
    result = job.run("plan")
    assert result.returncode == (0 if words is None else 2), result.stderr
    if words is None:
        line = "ablation at the end: 1 trained model, scored without the changes of 2 groups and with only them"
        assert line in result.stdout
    assert words is None or words in result.stderr
