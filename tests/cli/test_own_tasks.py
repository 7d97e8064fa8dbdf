"""Tasks that a job file defines: everywhere as those of GLUE."""

import csv
import json
import re
import shutil
import signal
from pathlib import Path

import pytest

h5py = pytest.importorskip("h5py")
np = pytest.importorskip("numpy")

from interruption import (  # noqa: E402
    STOPPED_EARLY,
    assert_no_debris,
    run_to_the_end,
    start,
    wait_until_training,
)
from result_files import contents, trials  # noqa: E402

WRONG_INPUT = 2
KEYS = {
    "data.tasks": "claims ratings RTE",
    "sweep.methods": "layernorm fisher:fraction=0.5",
    "fisher.examples": "16",
    "run.keep": "trained",
    "task claims.train": "claims.jsonl",
    "task claims.dev": "claims.tsv",
    "task claims.test": "claims-test.jsonl",
    "task claims.sentence1": "premise",
    "task claims.sentence2": "claim",
    "task claims.label": "gold",
    "task claims.labels": "entailment not_entailment",
    "task claims.metrics": "f1 accuracy",
    "task ratings.train": "ratings.jsonl",
    "task ratings.dev": "ratings.jsonl",
    "task ratings.sentence1": "text",
    "task ratings.label": "stars",
    "task ratings.labels": "regression",
}


def rows_of(glue, task, split):
    with (Path(glue) / task / f"{split}.tsv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def write_json_lines(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def write_files(folder, glue):
    """RTE under other names, and the first sentences of STS-B with numbers for labels."""
    folder.mkdir(exist_ok=True)
    names = {"premise": "sentence1", "claim": "sentence2", "gold": "label"}
    train, dev = (
        [{own: row[name] for own, name in names.items()} for row in rows_of(glue, "RTE", split)]
        for split in ("train", "dev")
    )
    write_json_lines(folder / "claims.jsonl", train)
    lines = ["\t".join(row) for row in [tuple(names), *(tuple(row.values()) for row in dev)]]
    (folder / "claims.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    test = [{"premise": row["sentence1"], "claim": row["sentence2"]} for row in rows_of(glue, "RTE", "test")]
    write_json_lines(folder / "claims-test.jsonl", test)
    ratings = [{"text": row["sentence1"], "stars": float(row["score"]) - 10} for row in rows_of(glue, "STS-B", "dev")]
    write_json_lines(folder / "ratings.jsonl", ratings)


@pytest.fixture
def own_job(make_job, glue, tmp_path):
    write_files(tmp_path, glue)
    return make_job(tmp_path, KEYS)


@pytest.fixture(scope="module")
def swept(make_job, glue, tmp_path_factory):
    """The same job on 1 and 2 ranks."""
    jobs = []
    for ranks in (1, 2):
        folder = tmp_path_factory.mktemp(f"on_{ranks}")
        write_files(folder, glue)
        jobs.append(make_job(folder, KEYS))
        jobs[-1].sweep(ranks=ranks)
    return jobs


def test_any_number_of_ranks_trains_them_alike(swept):
    one, two = (contents(job.merged) for job in swept)
    assert {name: one[name] for name in one if name.startswith("trials/")} == {
        name: two[name] for name in two if name.startswith("trials/")
    }


def test_same_rows_in_other_files_give_the_same_numbers(swept):
    """What is RTE under other names is trained as RTE is, though its trials are others."""
    with h5py.File(swept[0].merged) as file:
        rows = file["trials"]
        tasks = rows["task"].asstr()[:]
        is_layernorm = rows["method"].asstr()[:] == "layernorm"
        (own,), (glue,) = (np.flatnonzero((tasks == task) & is_layernorm) for task in ("claims", "RTE"))
        assert rows["id"][own] != rows["id"][glue]
        assert rows["metric"].asstr()[own] == "f1" and rows["metric"].asstr()[glue] == "accuracy"
        for name in ("mean_abs", "max_abs"):
            np.testing.assert_array_equal(file["change"][name][own], file["change"][name][glue])


def test_regression_takes_any_number(swept):
    with h5py.File(swept[0].merged) as file:
        identifiers = [trial for trial, task, _ in trials(swept[0]) if task == "ratings"]
        assert len(identifiers) == 2
        for trial in identifiers:
            labels = file["predictions"][trial]["label"][:]
            assert file["predictions"][trial]["logits"].shape == (16, 1)
            assert -10 <= labels.min() and labels.max() <= -5


def test_status_plan_and_export_know_them(swept, tmp_path):
    job = swept[0]
    assert "6 done, 0 diverged, 0 failed, 0 missing" in job.run("status").stdout
    assert "claims" in job.run("plan").stdout
    trial = next(trial for trial, task, method in trials(job) if task == "claims" and method == "layernorm")
    result = job.run("export", trial, tmp_path / "exported")
    assert result.returncode == 0, result.stderr
    labels = json.loads((tmp_path / "exported" / "config.json").read_text())["id2label"]
    assert labels == {"0": "entailment", "1": "not_entailment"}


def predict(job, folder, *options, ranks=None, expected_status=0):
    result = job.run("predict", folder, *options, ranks=ranks)
    assert result.returncode == expected_status, result.stdout + result.stderr
    return result


@pytest.mark.parametrize("ranks", [1, 2])
def test_predict_takes_their_test_file(swept, tmp_path, ranks):
    """By the model that was trained as that of RTE, it is predicted as RTE's."""
    result = predict(swept[0], tmp_path, "--where", "method=layernorm", ranks=ranks)
    assert (tmp_path / "claims.tsv").read_text() == (tmp_path / "RTE.tsv").read_text()
    assert "warning: [task ratings] has no key 'test', so nothing is predicted of it" in result.stderr
    assert "not here: CoLA.tsv" in result.stdout


def test_predict_of_own_tasks_alone_is_no_submission(swept, tmp_path):
    result = predict(swept[0], tmp_path, "--where", "method=layernorm,task=claims")
    assert {path.name for path in tmp_path.iterdir()} == {"claims.tsv", "logits"}
    assert "GLUE" not in result.stdout
    nothing = predict(swept[0], tmp_path, "--where", "method=layernorm,task=ratings", expected_status=WRONG_INPUT)
    assert "that of an own task is named by 'test' in its section" in nothing.stderr


def test_predict_scores_any_file_in_either_format(swept, tmp_path, glue):
    job = swept[0]
    where = ("--where", "method=layernorm")
    json_lines = tmp_path / "rte.jsonl"
    write_json_lines(json_lines, rows_of(glue, "RTE", "dev"))
    of_rte = predict(job, tmp_path / "a", "--file", json_lines, "--task", "RTE", *where)
    of_claims = predict(job, tmp_path / "b", "--file", "claims.tsv", "--task", "claims", *where)
    accuracy = re.search(r"accuracy (\d\.\d+)", of_rte.stdout)[1]
    assert re.search(rf"; f1 \d\.\d+, accuracy {accuracy}$", of_claims.stdout, re.MULTILINE)


def test_where_names_them(swept, tmp_path):
    result = swept[0].run("predict", tmp_path, "--where", "task=claim")
    assert result.returncode == WRONG_INPUT and "unknown task 'claim'; did you mean 'claims'?" in result.stderr


def test_a_sweep_of_them_that_is_stopped_goes_on(own_job, make_job, glue, tmp_path):
    longer = {"data.tasks": "claims ratings", "sweep.methods": "full layernorm", "train.epochs": "40"}
    own_job.keys |= longer
    process = start(own_job)
    wait_until_training(own_job)
    process.send_signal(signal.SIGUSR2)
    process.communicate(timeout=150)
    assert process.returncode == STOPPED_EARLY
    run_to_the_end(own_job)
    assert_no_debris(own_job)
    write_files(tmp_path / "undisturbed", glue)
    undisturbed = make_job(tmp_path / "undisturbed", KEYS | longer)
    undisturbed.sweep()
    assert contents(own_job.merged) == contents(undisturbed.merged)


def test_selection_and_screening_work_on_them(own_job):
    own_job.keys |= {
        "data.tasks": "claims ratings",
        "data.selection": "half-dev",
        "sweep.methods": "layernorm",
        "sweep.peft_learning_rates": "1e-3 1e-2",
        "sweep.seeds": "1 2",
        "sweep.screening": "seeds:1,keep:1",
    }
    output = own_job.sweep(ranks=2).stdout
    assert "chosen  claims" in output and "chosen  ratings" in output
    assert len(trials(own_job)) == 6
    with h5py.File(own_job.merged) as file:
        assert set(file["trials/selection_examples"][:]) == {8}


def test_ablation_scores_them(own_job):
    own_job.keys |= {"data.tasks": "claims", "sweep.methods": "full", "ablation.groups": "layernorm"}
    assert own_job.run("plan").returncode == 0
    own_job.sweep(ranks=2)
    with h5py.File(own_job.merged) as file:
        ablation = file["ablation"]
        is_trained_model = (ablation["group"].asstr()[:] == "head") & (ablation["kind"].asstr()[:] == "reset")
        assert ablation["score"][:][is_trained_model] == pytest.approx(file["trials/final_score"][:], abs=1e-12)


def test_tokenize_reads_the_definition_from_the_job(own_job):
    own_job.file.write_text(own_job.text)
    model, glue = own_job.keys["model.path"], Path(own_job.keys["data.glue"])
    own = own_job.program("tokenize", model, "claims.jsonl", "claims", "job.cfg", cwd=own_job.folder)
    assert own.returncode == 0, own.stderr
    assert own.stdout == own_job.program("tokenize", model, glue / "RTE" / "train.tsv", "RTE").stdout
    unknown = own_job.program("tokenize", model, "claims.jsonl", "claims", cwd=own_job.folder)
    assert unknown.returncode == WRONG_INPUT and "unknown task 'claims'" in unknown.stderr


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("sentence2", "gold"),
        ("labels", "not_entailment entailment"),
        ("metrics", "accuracy"),
        ("train", "more.jsonl"),
    ],
)
def test_another_definition_makes_other_trials(own_job, key, value):
    own_job.keys |= {"data.tasks": "claims", "sweep.methods": "layernorm"}
    own_job.sweep()
    more = (own_job.folder / "claims.jsonl").read_text()
    (own_job.folder / "more.jsonl").write_text(more + more.splitlines()[0] + "\n")
    assert "1 done, 0 diverged, 0 failed, 0 missing" in own_job.run("status").stdout
    assert "0 done, 0 diverged, 0 failed, 1 missing" in own_job.run("status", f"--task.claims.{key}", value).stdout


def test_moved_files_keep_the_trials(own_job):
    own_job.keys |= {"data.tasks": "claims", "sweep.methods": "layernorm"}
    own_job.sweep()
    shutil.move(own_job.folder / "claims.jsonl", own_job.folder / "moved.jsonl")
    assert "1 done" in own_job.run("status", "--task.claims.train", "moved.jsonl").stdout


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("task claims.sentence1", "text", "claims.jsonl:1: no field 'text'; found: claim, gold, premise"),
        ("task claims.dev", "none.tsv", "none.tsv: no such file; [task claims] names it"),
        ("task claims.labels", "yes no", "claims.jsonl:1: label '"),
        ("task claims.metrics", "pearson", "[task claims]: metric pearson does not go with its labels"),
        ("task claims.labels", None, "[task claims]: key 'labels' is missing"),
        ("task ratings.label", "text", "is out of range; expected a number"),
    ],
)
def test_wrong_definition_is_refused_with_file_and_line(own_job, key, value, message):
    own_job.keys[key] = value
    result = own_job.run("sweep", ranks=2)
    assert result.returncode == WRONG_INPUT, result.stderr
    assert message in result.stderr and not own_job.trial_files()


def test_wnli_is_trained_with_a_warning(job, glue, tmp_path):
    folder = tmp_path / "glue" / "WNLI"
    folder.mkdir(parents=True)
    for split in ("train", "dev"):
        text = (Path(glue) / "RTE" / f"{split}.tsv").read_text()
        (folder / f"{split}.tsv").write_text(text.replace("\tnot_entailment", "\t0").replace("\tentailment", "\t1"))
    job.keys |= {"data.glue": str(tmp_path / "glue"), "data.tasks": "WNLI", "sweep.methods": "layernorm"}
    caution = "task WNLI: its development set repeats sentences of the training set"
    assert caution in job.run("plan").stderr
    job.sweep(ranks=2)
    assert caution in (job.results / "log" / "rank-0.log").read_text()
    assert len(trials(job)) == 1
