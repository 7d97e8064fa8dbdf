"""Weights that are kept beside a trial, and `tunescope export`, up to the logits of the exported model."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

h5py = pytest.importorskip("h5py")
np = pytest.importorskip("numpy")

from interruption import STOPPED_EARLY, start  # noqa: E402
from plain_classifier import PlainClassifier, read_safetensors  # noqa: E402
from result_files import flip_a_byte  # noqa: E402

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
ROBERTA = HERE.parent / "golden" / "model" / "roberta"
KEEP = {"run.keep": "trained", "sweep.methods": "full layernorm", "data.dev_examples": "0", "train.dropout": "0.1"}
SEPARATOR = 3  # the id of [SEP]
LABELS = {
    "CoLA": ["0", "1"],
    "MNLI": ["entailment", "neutral", "contradiction"],
    "SST-2": ["0", "1"],
    "STS-B": ["score"],
}


def trials(job):
    """Id, task and method of each trial."""
    with h5py.File(job.merged) as merged:
        columns = (merged[f"trials/{name}"].asstr()[:] for name in ("id", "task", "method"))
        return list(zip(*columns, strict=True))


def kept_file(job, trial):
    return job.results / "trials" / f"{trial}.safetensors"


def stored_logits(job, trial):
    with h5py.File(job.merged) as merged:
        return merged[f"predictions/{trial}/logits"][:]


def whole_dev_texts(job, task):
    """Of the development set, the places of all texts that are not truncated, and their token ids and types. The second
    sentence of a pair follows the first separator."""
    file = Path(job.keys["data.glue"]) / task / ("dev_matched.tsv" if task == "MNLI" else "dev.tsv")
    result = job.program("tokenize", job.keys["model.path"], file, task)
    assert result.returncode == 0, result.stderr
    longest = int(job.keys["data.max_length"])
    places, texts = [], []
    for place, line in enumerate(result.stdout.splitlines()):
        ids = [int(token) for token in line.split()]
        if len(ids) > longest:
            continue
        first = ids.index(SEPARATOR) + 1
        places.append(place)
        texts.append((ids, [0] * first + [1] * (len(ids) - first)))
    assert len(texts) >= 5
    return places, texts


def export(job, trial, folder):
    result = job.run("export", trial, folder)
    assert result.returncode == 0, result.stderr
    return result


def peers_python():
    """A Python that has transformers and torch, or None."""
    for python in (os.environ.get("TUNESCOPE_PEERS_PYTHON"), ROOT / "benchmarks" / ".venv-peers" / "bin" / "python"):
        if python and Path(python).exists():
            return str(python)
    return None


@pytest.fixture(scope="module")
def bert(make_job, tmp_path_factory):
    """A class, a pair of sentences, and a regression; the whole model, and parts of it."""
    job = make_job(tmp_path_factory.mktemp("bert"), {**KEEP, "data.tasks": "CoLA MNLI STS-B"})
    job.sweep(ranks=2)
    return job


@pytest.fixture(scope="module")
def roberta(make_job, vocabulary, tmp_path_factory):
    """RoBERTa's network with words of our own: its padding token has the id 1."""
    folder = tmp_path_factory.mktemp("roberta")
    for name in ("config.json", "model.safetensors"):
        shutil.copy(ROBERTA / name, folder)
    tokens = ["[UNK]", "[PAD]", *vocabulary[2:90]]
    (folder / "vocab.txt").write_text("\n".join(tokens) + "\n")
    job = make_job(folder, {**KEEP, "data.tasks": "CoLA SST-2", "model.path": str(folder), "data.max_length": "32"})
    job.sweep(ranks=2)
    return job


@pytest.fixture(params=["bert", "roberta"])
def trained(request):
    return request.getfixturevalue(request.param)


def test_exported_models_have_the_logits_of_the_results(trained, tmp_path):
    for trial, task, _ in trials(trained):
        export(trained, trial, tmp_path / trial)
        classifier = PlainClassifier(tmp_path / trial)
        places, texts = whole_dev_texts(trained, task)
        found = np.stack([classifier.logits(*text) for text in texts])
        np.testing.assert_allclose(found, stored_logits(trained, trial)[places], rtol=0, atol=1e-5)


def test_transformers_computes_the_logits_of_the_results(trained, tmp_path):
    python = peers_python()
    if python is None:
        pytest.skip("no Python with transformers: benchmarks/run --help makes one, or set TUNESCOPE_PEERS_PYTHON")
    places, inputs = {}, {}
    for trial, task, _ in trials(trained):
        folder = str(tmp_path / trial)
        export(trained, trial, folder)
        places[trial], inputs[folder] = whole_dev_texts(trained, task)
    result = subprocess.run(
        [python, HERE / "transformers_logits.py"], input=json.dumps(inputs), capture_output=True, text=True, timeout=300
    )
    assert result.returncode == 0, result.stderr
    outputs = json.loads(result.stdout)
    for trial, task, _ in trials(trained):
        found = outputs[str(tmp_path / trial)]
        assert found["labels"] == LABELS[task]
        np.testing.assert_allclose(found["logits"], stored_logits(trained, trial)[places[trial]], rtol=0, atol=1e-5)


def test_only_trained_tensors_are_kept(bert):
    for trial, _, method in trials(bert):
        tensors, metadata = read_safetensors(kept_file(bert, trial))
        assert metadata["trial"] == trial
        if method == "layernorm":
            assert all("LayerNorm" in name or name.startswith("classifier") for name in tensors)
        if method == "full":
            assert "bert.embeddings.word_embeddings.weight" in tensors


def test_an_exported_model_can_be_fine_tuned_again(bert, tmp_path):
    trial = trials(bert)[0][0]
    result = export(bert, trial[:10], tmp_path / "exported")  # the beginning of an id is enough
    assert f"trial {trial}" in result.stdout
    assert f'from_pretrained("{tmp_path / "exported"}")' in result.stdout
    plan = bert.run("plan", "--model.path", tmp_path / "exported")
    assert plan.returncode == 0, plan.stderr
    assert "left out: classifier.* (2 tensors)" in plan.stdout


def test_by_default_weights_are_kept_where_few_are_trained(job):
    job.keys["sweep.methods"] = "full head"
    job.sweep()
    assert {method for trial, _, method in trials(job) if kept_file(job, trial).exists()} == {"head"}


def test_none_keeps_none(job):
    job.keys |= {"sweep.methods": "head", "run.keep": "none"}
    job.sweep()
    assert not list((job.results / "trials").glob("*.safetensors"))


BEST = {"run.keep": "best", "sweep.methods": "layernorm", "sweep.peft_learning_rates": "3e-2",
        "data.train_examples": "128", "train.epochs": "30", "train.evaluate_every": "4"}  # fmt: skip


def best_step(job, trial):
    with h5py.File(job.results / "trials" / f"{trial}.h5") as file:
        return int(file["trials/best_step"][0])


def test_best_keeps_the_weights_of_the_best_evaluation(job):
    job.keys |= BEST
    job.sweep(ranks=2)
    steps = {trial: best_step(job, trial) for trial, *_ in trials(job)}
    for trial, step in steps.items():
        assert read_safetensors(kept_file(job, trial))[1]["step"] == str(step)
    assert any(step < 16 * 30 for step in steps.values()), "no best evaluation before the last"
    assert list((job.results / "checkpoints").iterdir()) == []


def test_best_weights_survive_stops(make_job, tmp_path):
    (tmp_path / "whole").mkdir()
    (tmp_path / "stopped").mkdir()
    whole = make_job(tmp_path / "whole", BEST)
    whole.sweep(ranks=2)
    stopped = make_job(tmp_path / "stopped", {**BEST, "run.deadline_seconds": "1", "run.checkpoint_seconds": "0.2"})
    stops = 0
    while (process := start(stopped)).wait(timeout=300) == STOPPED_EARLY and stops < 50:
        stops += 1
    assert process.returncode == 0, process.stdout.read()
    assert stops >= 1
    for trial, *_ in trials(whole):
        assert kept_file(stopped, trial).read_bytes() == kept_file(whole, trial).read_bytes()


class TestWrongInput:
    @pytest.fixture
    def swept(self, job):
        job.keys |= {"sweep.methods": "head", "data.tasks": "CoLA", "sweep.seeds": "1 2", "run.keep": "trained"}
        job.sweep()
        return job

    def refusal(self, job, *arguments, status=2):
        result = job.run("export", *arguments)
        assert result.returncode == status
        assert len(result.stderr.splitlines()) == 1
        return result.stderr

    def test_arguments(self, swept):
        assert "takes a job file, a trial and a folder" in self.refusal(swept, "abc")

    def test_trial(self, swept):
        assert "has no trial 'xyz'" in self.refusal(swept, "xyz", "out")
        assert "2 trials of job small begin with ''" in self.refusal(swept, "", "out")

    def test_trial_that_is_missing(self, swept):
        trial = trials(swept)[0][0]
        (swept.results / "trials" / f"{trial}.h5").unlink()
        assert f"trial {trial} is not done: missing" in self.refusal(swept, trial, "out")

    def test_weights_that_were_not_kept(self, swept):
        trial = trials(swept)[0][0]
        kept_file(swept, trial).unlink()
        message = self.refusal(swept, trial, "out")
        assert "were not kept" in message and "--run.keep trained" in message

    def test_weights_that_are_damaged(self, swept):
        trial = trials(swept)[0][0]
        flip_a_byte(kept_file(swept, trial), 0.9)
        assert f"{trial}.safetensors: is damaged" in self.refusal(swept, trial, "out")
        assert not (swept.folder / "out").exists()

    def test_folder_that_is_not_empty(self, swept):
        trial = trials(swept)[0][0]
        (swept.folder / "out").mkdir()
        export(swept, trial, "out")  # it is empty
        assert "exists" in self.refusal(swept, trial, "out")

    def test_keep(self, swept):
        swept.keys["run.keep"] = "all"
        result = swept.run("plan")
        assert result.returncode == 2
        assert "job.cfg" in result.stderr and "one of auto, none, trained, best" in result.stderr
