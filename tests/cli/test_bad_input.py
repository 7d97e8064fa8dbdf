"""A wrong job is refused before anything is trained: one line on standard error, exit status 2."""

import json
import shutil
import struct

import pytest

WRONG_INPUT = 2
WRONG_ENVIRONMENT = 3


def refused(result, job, *expected, status=WRONG_INPUT):
    """The only message of a refused run."""
    assert result.returncode == status, result.stdout + result.stderr
    messages = [line for line in result.stderr.splitlines() if line.startswith("tunescope: ")]
    assert len(messages) == 1, result.stderr
    for part in expected:
        assert part in messages[0]
    assert not list(job.folder.glob("**/trials/*.h5"))
    return messages[0]


def refused_by_plan(job, *expected, options=()):
    result = job.run("plan", *options)
    refused(result, job, *expected)
    assert len(result.stderr.splitlines()) == 1, result.stderr


def refused_on_two_ranks(job, *expected, options=(), status=WRONG_INPUT):
    refused(job.run("sweep", *options, ranks=2), job, *expected, status=status)


def test_unknown_key_names_its_line_and_the_nearest_key(job):
    job.keys = {"train.epoch" if key == "train.epochs" else key: value for key, value in job.keys.items()}
    place = f"job.cfg:{job.line_of('train.epoch')}"
    refused_by_plan(job, place, "unknown key 'train.epoch'", "did you mean 'train.epochs'?")
    refused_on_two_ranks(job, place, "did you mean 'train.epochs'?")


def test_key_given_twice_names_both_lines(job):
    job.keys["name"] = "small\nname = small"
    refused_by_plan(job, "job.cfg:2: key 'name' was already given in line 1")


def test_unknown_section(job):
    job.keys["swep.methods"] = "full"
    line = job.text.splitlines().index("[swep]") + 1
    refused_by_plan(job, f"job.cfg:{line}: unknown section [swep]", "[sweep]")


def test_line_that_is_no_key(job):
    job.keys["name"] = "small\njunk"
    refused_by_plan(job, "job.cfg:2:", "'junk'")


@pytest.mark.parametrize("key", ["name", "model.path"])
def test_required_key_that_is_missing(job, key):
    job.keys[key] = None
    refused_by_plan(job, f"key '{key}' is missing")


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("sweep.methods", "full layernrom", "did you mean 'layernorm'?"),
        ("sweep.methods", "random", "needs either fraction"),
        ("sweep.methods", "random:fraction=0", "above 0 and at most 1"),
        ("sweep.methods", "random:fraction=1.5", "above 0 and at most 1"),
        ("sweep.methods", "random:fractoin=0.5", "did you mean 'fraction'?"),
        ("sweep.methods", "full:fraction=0.5", "unknown option 'fraction'; known are layers"),
        ("sweep.methods", "full full", "'full' only once"),
        ("sweep.methods", "random:fraction=0.5 random:fraction=0.50", "only once"),
        ("data.tasks", "CoLA MNIL", "did you mean 'MNLI'?"),
        ("data.tasks", "CoLA AX", "AX is not supported"),
        ("data.tasks", "CoLA CoLA", "'CoLA' only once"),
        ("data.tasks", "", "at least one value"),
        ("train.epochs", "1x", "a whole number"),
        ("train.epochs", "0", "1 or more"),
        ("train.epochs", "1.5", "a whole number"),
        ("run.lanes", "many", "auto, or a whole number"),
        ("train.clip_norm", "much", "a number"),
        ("train.clip_norm", "nan", "a number"),
        ("train.warmup_fraction", "1.1", "from 0 to 1"),
        ("train.schedule", "cosine", "one of linear, constant"),
        ("train.precision", "float16", "one of float32, bfloat16, tf32"),
        ("fisher.precision", "float16", "one of float32, bfloat16, tf32"),
        ("sweep.learning_rates", "0", "above 0"),
        ("sweep.learning_rates", "-1e-5", "above 0"),
        ("sweep.learning_rates", "1e-5 inf", "above 0"),
        ("sweep.learning_rates", "1e-5 0.00001", "only once"),
        ("sweep.peft_learning_rates", "1e-3 0", "above 0"),
        ("sweep.learning_rates", "", "at least one value"),
        ("sweep.seeds", "", "at least one value"),
        ("sweep.seeds", "1 2 1", "'1' only once"),
        ("sweep.seeds", "-1", "a whole number"),
        ("name", "../elsewhere", "names a folder and a file"),
        ("model.path", "${TUNESCOPE_NO_SUCH_VARIABLE}/model", "TUNESCOPE_NO_SUCH_VARIABLE"),
        ("run.device", "tpu", "one of auto, cpu, cuda"),
        ("run.results", "x" * 300, "a folder that can be reached"),
    ],
)
def test_wrong_value_names_its_line(job, key, value, expected):
    job.keys[key] = value
    refused_by_plan(job, f"job.cfg:{job.line_of(key)}: ", key, expected)


def test_seed_written_in_two_ways_is_a_duplicate(job):
    job.keys["sweep.seeds"] = "1 01"
    refused_by_plan(job, "only once")


def test_wrong_value_of_an_option_names_the_option(job):
    refused_by_plan(job, "option --train.epochs", options=["--train.epochs", "many"])
    refused_by_plan(job, "option --sweep.learning_rates", options=["--sweep.learning_rates=-1"])
    refused_on_two_ranks(job, "option --train.epochs", options=["--train.epochs", "many"])


def test_unknown_option(job):
    refused_by_plan(job, "unknown option '--train.epoch'", "'--train.epochs'", options=["--train.epoch", "1"])
    refused_on_two_ranks(job, "'--train.epochs'", options=["--train.epoch", "1"])


def test_option_without_its_value(job):
    refused_by_plan(job, "train.epochs", options=["--train.epochs"])


def test_unknown_command(job):
    refused(job.run("swep"), job, "unknown command 'swep'; did you mean 'sweep'?")


def test_missing_job_file(job, program):
    for command in ("plan", "status", "merge"):
        refused(program(command, "none.cfg", cwd=job.folder), job, "none.cfg", "no such job file")
    refused(program("sweep", "none.cfg", ranks=2, cwd=job.folder), job, "none.cfg", "no such job file")


def test_no_job_file_and_two_of_them(job, program):
    refused(program("plan", cwd=job.folder), job, "one job file, found 0")
    refused(program("plan", "a.cfg", "b.cfg", cwd=job.folder), job, "one job file, found 2")


def test_missing_model_folder(job):
    job.keys["model.path"] = "no-such-model"
    refused_by_plan(job, "no-such-model")
    refused_on_two_ranks(job, "no-such-model")


def test_missing_data_folder(job):
    job.keys["data.glue"] = "no-such-data"
    refused_by_plan(job, "no-such-data/CoLA/train.tsv", "no such file")
    refused_on_two_ranks(job, "no-such-data/CoLA/train.tsv")


def test_missing_task_folder(job, own_glue):
    shutil.rmtree(own_glue / "MNLI")
    refused_by_plan(job, "glue/MNLI/train.tsv", "no such file")


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_truncated_weights(job, own_model, share):
    weights = own_model / "model.safetensors"
    content = weights.read_bytes()
    weights.write_bytes(content[: int(share * len(content))])
    refused_by_plan(job, "model.safetensors")


def test_truncated_weights_stop_every_rank(job, own_model):
    weights = own_model / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4])
    refused_on_two_ranks(job, "model.safetensors", "outside")


def edit_header(weights, edit):
    """Change the header's JSON, keeping the data."""
    content = weights.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    edit(header)
    text = json.dumps(header).encode()
    weights.write_bytes(struct.pack("<Q", len(text)) + text + content[8 + length :])


TENSOR = "bert.embeddings.LayerNorm.bias"


@pytest.mark.parametrize(
    "change",
    [
        {"data_offsets": [0, 2**62]},
        {"data_offsets": [128, 0]},
        {"data_offsets": [0, 64]},
        {"data_offsets": [-128, 0]},
        {"shape": [2**62, 2**62]},
        {"shape": [-32]},
        {"shape": [31], "data_offsets": [0, 124]},
        {"shape": "32"},
        {"dtype": "F31"},
    ],
    ids=str,
)
def test_weights_whose_header_lies(job, own_model, change):
    edit_header(own_model / "model.safetensors", lambda header: header[TENSOR].update(change))
    refused_by_plan(job, TENSOR)


def test_weights_that_lack_a_tensor(job, own_model):
    edit_header(own_model / "model.safetensors", lambda header: header.pop(TENSOR))
    refused_by_plan(job, TENSOR)


def test_weights_that_announce_a_header_beyond_the_file(job, own_model):
    weights = own_model / "model.safetensors"
    weights.write_bytes(struct.pack("<Q", 2**63) + weights.read_bytes()[8:])
    refused_by_plan(job, "model.safetensors")


def test_vocabulary_that_is_larger_than_the_model(job, own_model, vocabulary):
    (own_model / "vocab.txt").write_text("\n".join([*vocabulary, "##extra"]) + "\n")
    refused_by_plan(job, "121 tokens", "120")
    refused_on_two_ranks(job, "121 tokens", "120")


def test_config_that_is_no_json(job, own_model):
    (own_model / "config.json").write_text("{")
    refused_by_plan(job, "config.json")


@pytest.mark.parametrize("length", ["4", "49", "64"])
def test_length_beyond_the_positions(job, length):
    job.keys["data.max_length"] = length
    refused_by_plan(job, "max_length", length, "48")


def test_label_out_of_range(job, own_glue):
    path = own_glue / "CoLA" / "dev.tsv"
    lines = path.read_text().splitlines()
    columns = lines[2].split("\t")
    lines[2] = "\t".join([columns[0], "2", *columns[2:]])
    path.write_text("\n".join(lines) + "\n")
    refused_by_plan(job, "CoLA/dev.tsv:3", "label '2'", "0, 1")
    refused_on_two_ranks(job, "CoLA/dev.tsv:3", "label '2'")


def test_precision_that_the_device_does_not_have(job):
    job.keys["train.precision"] = "tf32"
    expected = ["[train] precision = tf32 needs a GPU", "the CPU", "use precision = float32"]
    refused_on_two_ranks(job, *expected, status=WRONG_ENVIRONMENT)
    assert f"a sweep would end here: {expected[0]}" in job.run("plan").stderr


def test_fisher_precision_counts_only_where_fisher_information_is_computed(job):
    job.keys |= {"fisher.precision": "tf32", "fisher.examples": "8", "data.tasks": "CoLA"}
    job.keys["sweep.methods"] = "fisher:pool=layernorm,fraction=0.5,scope=task"
    expected = ["[fisher] precision = tf32 needs a GPU", "the CPU", "use precision = float32"]
    refused_on_two_ranks(job, *expected, status=WRONG_ENVIRONMENT)
    assert f"a sweep would end here: {expected[0]}" in job.run("plan").stderr
    job.keys["sweep.methods"] = "layernorm"
    job.sweep()


def test_data_with_other_columns(job, own_glue):
    path = own_glue / "MNLI" / "train.tsv"
    path.write_text(path.read_text().replace("gold_label", "silver_label", 1))
    refused_by_plan(job, "MNLI/train.tsv:1", "no column 'gold_label'")


def test_empty_data(job, own_glue):
    (own_glue / "CoLA" / "train.tsv").write_text("")
    refused_by_plan(job, "CoLA/train.tsv", "empty")


@pytest.mark.parametrize("key", ["run.results", "data.cache"])
def test_file_in_the_place_of_a_folder(job, key):
    (job.folder / "taken").write_text("in the way")
    job.keys[key] = "taken"
    refused_by_plan(job, "job.cfg:", key, "a folder, not a file")
    refused_on_two_ranks(job, "job.cfg:", key, "a folder, not a file")


@pytest.mark.parametrize("in_the_way", ["results/small", "results/small/trials"])
def test_results_folder_that_cannot_be_written(job, in_the_way):
    path = job.folder / in_the_way
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("in the way")
    job.keys["data.cache"] = "cache"
    refused_on_two_ranks(job, "cannot be written", "[run] results", status=WRONG_ENVIRONMENT)
    assert path.read_text() == "in the way"


def test_demo_folder_that_cannot_be_written(job, program):
    (job.folder / "demo").write_text("in the way")
    refused(program("demo", "demo", cwd=job.folder), job, "demo", status=WRONG_ENVIRONMENT)
