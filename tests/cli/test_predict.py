"""`tunescope predict`: submissions to GLUE, other files, and what it refuses."""

import shutil
from pathlib import Path

import pytest

h5py = pytest.importorskip("h5py")
np = pytest.importorskip("numpy")

from result_files import flip_a_byte, trials  # noqa: E402

WORDS = {
    "CoLA.tsv": {"0", "1"},
    "MNLI-m.tsv": {"entailment", "neutral", "contradiction"},
    "MNLI-mm.tsv": {"entailment", "neutral", "contradiction"},
}
TEST_ROWS = 40


@pytest.fixture(scope="module")
def swept(make_job, tmp_path_factory):
    keys = {"run.keep": "trained", "data.tasks": "CoLA MNLI STS-B", "data.dev_examples": "0",
            "sweep.methods": "full lora:rank=2+layernorm adapter:size=3", "train.epochs": "2"}  # fmt: skip
    job = make_job(tmp_path_factory.mktemp("swept"), keys)
    job.sweep(ranks=2)
    return job


def predict(job, *arguments, ranks=None):
    result = job.run("predict", *arguments, ranks=ranks)
    assert result.returncode == 0, result.stdout + result.stderr
    return result


def refusal(job, *arguments, ranks=None):
    result = job.run("predict", *arguments, ranks=ranks)
    assert result.returncode == 2, result.stdout + result.stderr
    messages = [line for line in result.stderr.splitlines() if line.startswith("tunescope: ")]
    assert len(messages) == 1 + sum("warning" in line for line in messages)
    return messages[-1]


def rows_of(path):
    lines = [line.split("\t") for line in path.read_text().splitlines()]
    assert lines[0] == ["index", "prediction"]
    assert [int(index) for index, _ in lines[1:]] == list(range(len(lines) - 1))
    return [prediction for _, prediction in lines[1:]]


def logits_in(folder):
    found = {}
    for path in (folder / "logits").iterdir():
        with h5py.File(path) as file:
            found[path.name] = file["logits"][:]
    return found


@pytest.mark.parametrize("ranks", [1, 2])
def test_a_submission_has_a_file_for_each_test_set(swept, tmp_path, ranks):
    result = predict(swept, tmp_path, "--where", "method=lora+layernorm", ranks=ranks)
    assert {path.name for path in tmp_path.glob("*.tsv")} == {*WORDS, "STS-B.tsv"}
    for name, words in WORDS.items():
        predictions = rows_of(tmp_path / name)
        assert len(predictions) == TEST_ROWS
        assert set(predictions) <= words
    assert all(0 <= float(score) <= 5 for score in rows_of(tmp_path / "STS-B.tsv"))
    missing = "SST-2.tsv, MRPC.tsv, QQP.tsv, QNLI.tsv, RTE.tsv, WNLI.tsv, AX.tsv"
    assert f"not here: {missing}\n" in result.stdout
    assert result.stdout.count("by trial ") == 4


def test_ranks_make_no_difference(swept, tmp_path):
    for ranks in (1, 2):
        predict(swept, tmp_path / str(ranks), "--where", "method=full", ranks=ranks)
    one, two = logits_in(tmp_path / "1"), logits_in(tmp_path / "2")
    assert one.keys() == two.keys()
    for name, logits in one.items():
        np.testing.assert_allclose(two[name], logits, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("ranks", [1, 2])
@pytest.mark.parametrize("task", ["CoLA", "STS-B"])
def test_the_predictions_of_the_development_set_are_those_of_the_results(swept, tmp_path, task, ranks):
    dev = Path(swept.keys["data.glue"]) / task / "dev.tsv"
    result = predict(swept, tmp_path, "--file", dev, "--task", task, ranks=ranks)
    of_task = [trial for trial, name, _ in trials(swept) if name == task]
    assert {path.name for path in tmp_path.glob("*.tsv")} == {f"dev-{trial}.tsv" for trial in of_task}
    with h5py.File(swept.merged) as merged:
        scores = dict(zip(merged["trials/id"].asstr()[:], merged["trials/final_score"][:], strict=True))
        metric = {"CoLA": "matthews", "STS-B": "spearman"}[task]
        for path in (tmp_path / "logits").iterdir():
            with h5py.File(path) as file:
                trial = file.attrs["trial"]
                stored = merged[f"predictions/{trial}"]
                np.testing.assert_allclose(file["logits"][:], stored["logits"][:], rtol=1e-5, atol=1e-5)
                np.testing.assert_array_equal(file["label"][:], stored["label"][:])
                assert file.attrs["task"] == task and file.attrs["file"] == str(dev)
            line = next(line for line in result.stdout.splitlines() if trial in line.split(":")[0])
            assert f"{metric} {scores[trial]:.4f}" in line


def test_a_model_of_mnli_predicts_the_diagnostic_set(swept, tmp_path, glue):
    own = tmp_path / "glue"
    shutil.copytree(glue, own)
    rows = [f"{i}\tThe old student sold it.\tThe student never sold it.\n" for i in range(7)]
    (own / "AX.tsv").write_text("index\tsentence1\tsentence2\n" + "".join(rows))
    predict(swept, tmp_path / "out", "--data.glue", own, "--where", "task=MNLI,method=full")
    assert len(set(rows_of(tmp_path / "out" / "AX.tsv"))) == 1
    assert len(rows_of(tmp_path / "out" / "AX.tsv")) == 7


def test_what_is_stored_is_not_computed_again(swept, tmp_path):
    where = ("--where", "task=CoLA,method=full")
    predict(swept, tmp_path, *where, ranks=2)
    logits = next((tmp_path / "logits").iterdir())
    time, text = logits.stat().st_mtime_ns, (tmp_path / "CoLA.tsv").read_text()
    (tmp_path / "CoLA.tsv").unlink()
    predict(swept, tmp_path, *where, ranks=2)
    assert (logits.stat().st_mtime_ns, (tmp_path / "CoLA.tsv").read_text()) == (time, text)
    flip_a_byte(logits)
    predict(swept, tmp_path, *where)
    assert logits.stat().st_mtime_ns != time
    assert (tmp_path / "CoLA.tsv").read_text() == text


def test_a_test_file_that_is_missing_is_left_out(swept, tmp_path, glue):
    own = tmp_path / "glue"
    shutil.copytree(glue, own)
    (own / "MNLI" / "test_mismatched.tsv").unlink()
    result = predict(swept, tmp_path / "out", "--data.glue", own, "--where", "method=full", ranks=2)
    assert result.stderr.count("no such file, so there is no MNLI-mm.tsv") == 1
    assert not (tmp_path / "out" / "MNLI-mm.tsv").exists()
    (own / "CoLA" / "test.tsv").unlink()
    where = ("--where", "task=CoLA,method=full")
    assert "no task of the chosen trials has a test file" in refusal(
        swept, tmp_path / "out", "--data.glue", own, *where
    )


@pytest.mark.parametrize("ranks", [None, 2])
def test_wrong_choices(swept, tmp_path, ranks):
    assert "did you mean 'CoLA'?" in refusal(swept, tmp_path / "out", "--where", "task=CoL", ranks=ranks)
    assert "as in --where best=task" in refusal(swept, tmp_path / "out", ranks=ranks)
    assert "--file with --task or neither" in refusal(swept, tmp_path / "out", "--file", "x.tsv", ranks=ranks)
    assert "unknown task 'SST'" in refusal(swept, tmp_path / "out", "--file", "x", "--task", "SST", ranks=ranks)
    assert not (tmp_path / "out").exists()


def test_wrong_files(swept, tmp_path):
    def message(text):
        (tmp_path / "file.tsv").write_text(text)
        return refusal(swept, tmp_path / "out", "--file", tmp_path / "file.tsv", "--task", "MNLI")

    assert "no column 'sentence1'" in message("index\tsentence\n0\tone\n")
    assert "the file is empty" in message("")
    good = "".join(f"{i}\tone\ttwo\n" for i in range(200))
    assert "1 rows have a wrong number of columns" in message("index\tsentence1\tsentence2\n" + good + "200\tone\n")
    assert "label 'maybe' is out of range" in message("sentence1\tsentence2\tgold_label\none\ttwo\tmaybe\n")
    assert "none of the chosen trials is of task RTE" in refusal(
        swept, tmp_path / "out", "--file", tmp_path / "file.tsv", "--task", "RTE"
    )
    missing = refusal(swept, tmp_path / "out", "--file", tmp_path / "nothing.tsv", "--task", "MNLI")
    assert "nothing.tsv" in missing
    assert not (tmp_path / "out").exists()
