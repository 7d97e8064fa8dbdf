"""--convert: Parquet files and AdvGLUE as JSON lines that the program takes."""

import json

import pytest
from conftest import tiny_model

WRONG_USE = 2
ADV_GLUE = {
    "sst2": [{"idx": 0, "sentence": "it 's a na\u00efve treat", "label": 1}, {"idx": 1, "sentence": "no", "label": 0}],
    "qqp": [{"idx": 0, "question1": "a ?", "question2": "b ?", "label": 1}],
    "mnli": [{"idx": 0, "premise": "a", "hypothesis": "b", "label": label} for label in (2, 1, 0)],
    "mnli-mm": [{"idx": 0, "premise": "c", "hypothesis": "d", "label": 1}],
    "qnli": [{"idx": 0, "question": "a ?", "sentence": "b", "label": 0}],
    "rte": [{"idx": 0, "sentence1": "a", "sentence2": "b", "label": 1}],
}
JOB = """name = converted
[model]
path = tiny
[data]
tasks = reviews adv-sst2
max_length = 32
[task reviews]
train = data/reviews.jsonl
dev = data/reviews.jsonl
sentence1 = text
label = stars
labels = 1 2
[task adv-sst2]
train = train.tsv
dev = data/adv-sst2.jsonl
sentence1 = sentence
labels = 0 1
[sweep]
methods = head
peft_learning_rates = 1e-2
seeds = 1
[train]
max_steps = 1
[run]
threads = 1
"""


def rows_of(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def reviews(tmp_path):
    """A Parquet file with columns of many types, in two row groups."""
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    table = pyarrow.table(
        {
            "text": ["one\ttab", "two\nlines \u00e4", None],
            "stars": pyarrow.array([1, 2, 2], pyarrow.int8()),
            "score": [0.5, float("nan"), 2.0],
            "is_new": [True, False, None],
            "source": pyarrow.array(["a", "b", "a"]).dictionary_encode(),
            "words": [["one"], ["two"], []],
            "image": [b"\xff", b"", b""],
        }
    )
    path = tmp_path / "reviews.parquet"
    parquet.write_table(table, path, row_group_size=2)
    return path


@pytest.fixture
def adv_glue(tmp_path):
    path = tmp_path / "dev.json"
    path.write_text(json.dumps(ADV_GLUE, indent=2))
    return path


def test_parquet_becomes_a_json_object_per_row(program, reviews, tmp_path):
    output = program.fetch("--convert", reviews)
    assert f"{tmp_path / 'reviews.jsonl'}: 3 rows" in output
    assert rows_of(tmp_path / "reviews.jsonl") == [
        {"text": "one\ttab", "stars": 1, "score": 0.5, "is_new": True, "source": "a"},
        {"text": "two\nlines \u00e4", "stars": 2, "score": None, "is_new": False, "source": "b"},
        {"text": None, "stars": 2, "score": 2.0, "is_new": None, "source": "a"},
    ]


def test_adv_glue_becomes_a_file_of_each_task_as_glue_has_it(program, adv_glue, tmp_path):
    program.fetch("--convert", adv_glue, "--to", tmp_path / "adv")
    tables = {path.stem: rows_of(path) for path in (tmp_path / "adv").iterdir()}
    texts = {"sentence1": "a", "sentence2": "b"}
    assert tables == {
        "adv-sst2": [{"sentence": "it 's a na\u00efve treat", "label": "1"}, {"sentence": "no", "label": "0"}],
        "adv-qqp": [{"question1": "a ?", "question2": "b ?", "is_duplicate": "1"}],
        "adv-mnli": [texts | {"gold_label": label} for label in ("contradiction", "neutral", "entailment")],
        "adv-mnli-mm": [{"sentence1": "c", "sentence2": "d", "gold_label": "neutral"}],
        "adv-qnli": [{"question": "a ?", "sentence": "b", "label": "entailment"}],
        "adv-rte": [texts | {"label": "not_entailment"}],
    }


def test_the_program_takes_what_was_converted(program, reviews, adv_glue, tunescope, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(parquet.read_table(reviews).slice(0, 2), reviews)
    program.fetch("--convert", reviews, adv_glue, "--to", "data")
    (tmp_path / "tiny").mkdir()
    for name, content in tiny_model().items():
        (tmp_path / "tiny" / name).write_bytes(content)
    (tmp_path / "train.tsv").write_text("sentence\tlabel\nsome text\t1\nother text\t0\n")
    (tmp_path / "job.cfg").write_text(JOB)
    result = tunescope("sweep", "job.cfg")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "2 trials" in result.stdout
    of_glue = tunescope("tokenize", "tiny", "data/adv-mnli.jsonl", "MNLI")
    assert len(of_glue.stdout.splitlines()) == 3, of_glue.stderr


@pytest.mark.parametrize(
    ("tasks", "message"),
    [
        ({"sst2": [{"idx": 0, "sentence": "a", "label": 2}]}, "item 0 of sst2 is not as AdvGLUE has it: label 2"),
        ({"rte": [{"sentence1": "a", "label": 0}]}, "item 0 of rte is not as AdvGLUE has it: it lacks 'sentence2'"),
        ({"mnli": ["text"]}, "item 0 of mnli"),
        ({"cola": []}, "is not AdvGLUE's dev.json, an object with lists sst2, qqp"),
        ({"rte": 1}, "is not AdvGLUE's dev.json"),
        ([], "is not AdvGLUE's dev.json"),
    ],
)
def test_other_json_is_refused(program, tmp_path, tasks, message):
    (tmp_path / "dev.json").write_text(json.dumps(tasks))
    assert message in program.fetch("--convert", "dev.json", status=WRONG_USE)
    assert not list(tmp_path.glob("*.jsonl*"))


def test_a_damaged_parquet_file_leaves_nothing_behind(program, reviews, tmp_path):
    reviews.write_bytes(reviews.read_bytes()[:-20])
    assert "reviews.parquet: damaged, or no Parquet file" in program.fetch("--convert", reviews, status=WRONG_USE)
    assert not list(tmp_path.glob("*.jsonl*"))


def test_what_is_there_is_kept(program, adv_glue, tmp_path):
    (tmp_path / "adv-rte.jsonl").write_text("mine")
    message = program.fetch("--convert", adv_glue, status=WRONG_USE)
    assert "adv-rte.jsonl: is there already; remove it, or choose another folder with --to" in message
    assert {path.name for path in tmp_path.glob("*.jsonl*")} == {"adv-rte.jsonl"}
    assert (tmp_path / "adv-rte.jsonl").read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--convert", "none.parquet"), "none.parquet: no such file"),
        (("--convert", "data.csv"), "data.csv: is neither a .parquet file nor a .json file"),
        (("--convert", "text.json"), "text.json: is not JSON"),
        (("owner/model", "--convert", "data.csv"), "--convert fetches nothing; leave out the models"),
        (("--to", "data"), "--to belongs to --convert"),
    ],
)
def test_wrong_use(program, tmp_path, arguments, message):
    for name in ("data.csv", "text.json"):
        (tmp_path / name).write_text("a,b\n")
    assert message in program.fetch(*arguments, status=WRONG_USE)
