"""`tunescope export`, up to the logits of the exported model."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

h5py = pytest.importorskip("h5py")
np = pytest.importorskip("numpy")

from conftest import write_vocabulary  # noqa: E402
from peers import HOW, peers_python  # noqa: E402
from plain_classifier import PlainClassifier, read_safetensors  # noqa: E402
from result_files import flip_a_byte, kept_file, trials  # noqa: E402

HERE = Path(__file__).parent
GOLDEN = HERE.parent / "golden" / "model"
WITHOUT_TYPES = ("roberta_folder", "gpt2_folder")
LORA = "lora:alpha=8,dropout=0,rank=2,scaling=rslora,targets=output+query+value"
KEEP = {
    "run.keep": "trained",
    "sweep.methods": f"full layernorm ia3+lora ia3+layernorm {LORA}",
    "data.dev_examples": "0",
    "train.dropout": "0.1",
}
SENTENCE_PIECES = HERE.parent / "golden" / "tokenizer" / "unigram.model"
LABELS = {
    "CoLA": ["0", "1"],
    "MNLI": ["entailment", "neutral", "contradiction"],
    "STS-B": ["score"],
}


def stored_logits(job, trial):
    with h5py.File(job.merged) as merged:
        return merged[f"predictions/{trial}/logits"][:]


def whole_dev_texts(job, task):
    """Of the development set, the places of all texts that are not truncated, and their token ids and types. The second
    sentence of a pair, of type 1, follows the first separator; RoBERTa has one type, and GPT-2 none."""
    file = Path(job.keys["data.glue"]) / task / ("dev_matched.tsv" if task == "MNLI" else "dev.tsv")
    result = job.program("tokenize", job.keys["model.path"], file, task)
    assert result.returncode == 0, result.stderr
    longest = int(job.keys["data.max_length"])
    separator = 2 if (Path(job.keys["model.path"]) / "spm.model").exists() else 3  # the id of [SEP]
    places, texts = [], []
    for place, line in enumerate(result.stdout.splitlines()):
        ids = [int(token) for token in line.split()]
        if len(ids) > longest:
            continue
        is_one = Path(job.keys["model.path"]).name in WITHOUT_TYPES
        first = len(ids) if is_one else ids.index(separator) + 1
        places.append(place)
        texts.append((ids, [0] * first + [1] * (len(ids) - first)))
    assert len(texts) >= 5
    return places, texts


def export(job, trial, folder, *options):
    result = job.run("export", trial, folder, *options)
    assert result.returncode == 0, result.stderr
    return result


@pytest.fixture(scope="module")
def bert(make_job, tmp_path_factory):
    """A class, a pair of sentences, and a regression; the whole model, and parts of it."""
    job = make_job(tmp_path_factory.mktemp("bert"), {**KEEP, "data.tasks": "CoLA MNLI STS-B"})
    job.sweep(ranks=2)
    return job


def sweep_with_its_words(name, make_job, folder):
    """A class and a pair of sentences with a small model and its byte-level BPE, as transformers writes them."""
    keys = {**KEEP, "data.tasks": "CoLA MNLI", "model.path": str(GOLDEN / name), "data.max_length": "96"}
    job = make_job(folder, keys)
    job.sweep(ranks=2)
    return job


@pytest.fixture(scope="module")
def roberta(make_job, tmp_path_factory):
    return sweep_with_its_words("roberta_folder", make_job, tmp_path_factory.mktemp("roberta"))


@pytest.fixture(scope="module")
def gpt2(make_job, tmp_path_factory):
    return sweep_with_its_words("gpt2_folder", make_job, tmp_path_factory.mktemp("gpt2"))


def sweep_with_our_words(name, make_job, vocabulary, folder):
    """A class and a pair of sentences with a golden model and words of our own: those of a vocab.txt, or, if there are
    none, the pieces of a spm.model."""
    for file in ("config.json", "model.safetensors"):
        shutil.copy(GOLDEN / name / file, folder)
    if vocabulary is None:
        shutil.copy(SENTENCE_PIECES, folder / "spm.model")
    else:
        write_vocabulary(folder, vocabulary)
    job = make_job(folder, {**KEEP, "data.tasks": "CoLA MNLI", "model.path": str(folder)})
    job.sweep(ranks=2)
    return job


@pytest.fixture(scope="module")
def electra(make_job, vocabulary, tmp_path_factory):
    return sweep_with_our_words("electra", make_job, vocabulary, tmp_path_factory.mktemp("electra"))


@pytest.fixture(scope="module")
def distilbert(make_job, vocabulary, tmp_path_factory):
    return sweep_with_our_words("distilbert", make_job, vocabulary, tmp_path_factory.mktemp("distilbert"))


@pytest.fixture(scope="module")
def deberta(make_job, tmp_path_factory):
    return sweep_with_our_words("deberta", make_job, None, tmp_path_factory.mktemp("deberta"))


@pytest.fixture(scope="module")
def deberta_convolution(make_job, vocabulary, tmp_path_factory):
    return sweep_with_our_words("deberta-convolution", make_job, vocabulary, tmp_path_factory.mktemp("convolution"))


@pytest.fixture(params=["bert", "roberta"])
def trained_encoder(request):
    """Those that PlainClassifier computes."""
    return request.getfixturevalue(request.param)


@pytest.fixture(params=["bert", "roberta", "electra", "distilbert", "gpt2", "deberta", "deberta_convolution"])
def trained(request):
    return request.getfixturevalue(request.param)


def test_exported_models_have_the_logits_of_the_results(trained_encoder, tmp_path):
    for trial, task, _ in trials(trained_encoder):
        export(trained_encoder, trial, tmp_path / trial)
        classifier = PlainClassifier(tmp_path / trial)
        places, texts = whole_dev_texts(trained_encoder, task)
        found = np.stack([classifier.logits(*text) for text in texts])
        np.testing.assert_allclose(found, stored_logits(trained_encoder, trial)[places], rtol=0, atol=1e-5)


def run_peer(python, script, inputs):
    result = subprocess.run(
        [python, HERE / script], input=json.dumps(inputs), capture_output=True, text=True, timeout=600
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_transformers_computes_the_logits_of_the_results(trained, tmp_path):
    python = peers_python()
    if python is None:
        pytest.skip(f"no Python with transformers: {HOW}")
    places, inputs = {}, {}
    for trial, task, _ in trials(trained):
        folder = str(tmp_path / trial)
        export(trained, trial, folder)
        places[trial], inputs[folder] = whole_dev_texts(trained, task)
    outputs = run_peer(python, "transformers_logits.py", inputs)
    for trial, task, _ in trials(trained):
        found = outputs[str(tmp_path / trial)]
        assert found["labels"] == LABELS[task]
        np.testing.assert_allclose(found["logits"], stored_logits(trained, trial)[places[trial]], rtol=1e-5, atol=1e-5)


def test_peft_computes_the_logits_of_the_results(trained, tmp_path):
    python = peers_python("peft")
    if python is None:
        pytest.skip(f"no Python with peft: {HOW}")
    places, inputs = {}, {}
    for trial, task, method in trials(trained):
        if method == "full" or method.startswith("ia3+lora"):
            continue
        folder = str(tmp_path / trial)
        export(trained, trial, folder, "--format", "peft")
        places[folder], texts = whole_dev_texts(trained, task)
        base = str(trained.keys["model.path"])
        inputs[folder] = {"base": base, "outputs": len(LABELS[task]), "texts": texts}
    assert len(inputs) >= 6
    for folder, found in run_peer(python, "peft_logits.py", inputs).items():
        np.testing.assert_allclose(found, stored_logits(trained, Path(folder).name)[places[folder]], rtol=0, atol=1e-4)


def test_only_trained_tensors_are_kept(bert):
    for trial, _, method in trials(bert):
        tensors, metadata = read_safetensors(kept_file(bert, trial))
        assert metadata["trial"] == trial
        if method == "layernorm":
            assert all("LayerNorm" in name or name.startswith("classifier") for name in tensors)
        if method == LORA:
            assert all(".lora_" in name or name.startswith("classifier") for name in tensors)
        if method == "full":
            assert "bert.embeddings.word_embeddings.weight" in tensors


def test_an_exported_model_can_be_fine_tuned_again(bert, tmp_path):
    trial = trials(bert)[0][0]
    result = export(bert, trial[:10], tmp_path / "exported")  # the beginning of an id is enough
    assert f"trial {trial}" in result.stdout
    assert f'from_pretrained("{tmp_path / "exported"}")' in result.stdout
    plan = bert.run("plan", "--model.path", tmp_path / "exported")
    assert plan.returncode == 0, plan.stderr
    assert "left out: classifier.* (2 tensors); each trial draws a head of its own" in plan.stdout


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

    def test_trial_with_adapters(self, job):
        job.keys |= {"sweep.methods": "adapter:size=3", "data.tasks": "CoLA", "run.keep": "trained"}
        job.sweep()
        trial = trials(job)[0][0]
        message = self.refusal(job, trial, "out")
        assert "adds layers that are no part of transformers' models" in message
        assert kept_file(job, trial).name in message

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

    def test_weights_of_another_trial(self, swept):
        one, other = (trial for trial, *_ in trials(swept))
        shutil.copy(kept_file(swept, other), kept_file(swept, one))
        assert "not the weights of this trial" in self.refusal(swept, one, "out")

    def test_data_that_is_gone_is_not_needed(self, swept, own_glue):
        swept.sweep()
        shutil.rmtree(own_glue)
        trial = trials(swept)[0][0]
        export(swept, trial, "out")
        assert (swept.folder / "out" / "config.json").exists()

    def test_model_that_was_replaced_while_the_data_are_gone(self, swept, own_glue, own_model):
        swept.sweep()
        shutil.rmtree(own_glue)
        flip_a_byte(own_model / "model.safetensors", 0.9)
        result = swept.run("export", trials(swept)[0][0], "out")
        assert result.returncode == 2
        assert "is not the model that the last sweep trained" in result.stderr

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
