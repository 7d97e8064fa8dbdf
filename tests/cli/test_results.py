"""The merged file: its schema as results/README.md tells it, for any HDF5 reader."""

import hashlib
import re
import shutil
import subprocess

import pytest

h5py = pytest.importorskip("h5py")
np = pytest.importorskip("numpy")

METRICS = ["accuracy", "f1", "matthews", "pearson", "spearman", "accuracy_mismatched"]
LAYERS = ["embeddings", "0", "1", "pooler", "head"]
MEASURES = ["mean_abs", "rms", "relative_l2", "max_abs"]
GROUPS = ["change", "evaluations", "history", "predictions", "scores", "trials"]
TEXT_COLUMNS = ["id", "task", "method", "mask", "state", "metric", "device", "precision", "hostname", "error",
                "gpu", "gpu_software", "selection", "selection_hash"]  # fmt: skip
REAL_COLUMNS = ["learning_rate", "score", "final_score", "wall_seconds", "selection_score",
                "examples_per_second", "tokens_per_second", "energy_joules"]  # fmt: skip
WHOLE_COLUMNS = ["seed", "best_step", "steps", "trainable_parameters", "total_parameters", "train_examples",
                 "dev_examples", "rank", "threads", "selection_examples", "kept_bytes", "peak_host_bytes",
                 "peak_device_bytes"]  # fmt: skip
METHODS = ["full", "layernorm", "random:fraction=0.5,pool=layernorm"]
FINAL_METRIC_OF = {"CoLA": {"matthews", "accuracy"}, "MNLI": {"accuracy", "accuracy_mismatched"}}


@pytest.fixture(scope="module")
def swept(make_job, tmp_path_factory):
    job = make_job(tmp_path_factory.mktemp("swept"), {"train.epochs": "2"})
    job.sweep(ranks=2)
    return job


@pytest.fixture(scope="module")
def merged(swept):
    with h5py.File(swept.merged) as file:
        yield file


def dimensions_of(dataset):
    return [dimension[0].name.rsplit("/", 1)[1] for dimension in dataset.dims]


def test_groups_and_attributes(merged, swept):
    assert sorted(merged) == GROUPS
    assert merged.attrs["schema_version"] == 9
    assert merged.attrs["architecture"] == "BERT"
    assert merged.attrs["complete"] == 1
    assert merged.attrs["job"] == swept.text
    assert {"tunescope_version", "git_commit", "created"} < set(merged.attrs)


def test_inputs_are_named_by_their_hashes(merged):
    lines = [line.split() for line in merged.attrs["inputs"].splitlines()]
    assert [name for name, _ in lines] == ["model", "tokenizer", "CoLA", "MNLI"]
    assert all(len(value) == 64 and int(value, 16) >= 0 for _, value in lines)


def test_nexus_viewers_find_what_to_plot(merged):
    assert merged.attrs["NX_class"] == "NXroot"
    assert merged.attrs["default"] == "change"
    groups = [group for group in merged.values() if group.attrs.get("NX_class") == "NXdata"]
    assert {group.name for group in groups} == {"/trials", "/change", "/evaluations", "/history"}
    for group in groups:
        signal, axes = group[group.attrs["signal"]], list(group.attrs["axes"])
        assert signal.dtype.kind == "f"
        assert len(axes) == signal.ndim
        assert all(name == "." or len(group[name]) == length for name, length in zip(axes, signal.shape, strict=True))


def test_columns_of_trials(merged):
    trials = merged["trials"]
    assert set(trials) == {"trial", *TEXT_COLUMNS, *REAL_COLUMNS, *WHOLE_COLUMNS}
    for name in TEXT_COLUMNS:
        assert h5py.check_string_dtype(trials[name].dtype) == ("utf-8", None)
    for name in REAL_COLUMNS:
        assert trials[name].dtype == np.float64
    for name in WHOLE_COLUMNS:
        assert trials[name].dtype == np.int64
    for name in set(trials) - {"trial"}:
        assert dimensions_of(trials[name]) == ["trial"]
        assert trials[name].shape == (6,)
    assert trials["task"].asstr()[:].tolist() == ["CoLA"] * 3 + ["MNLI"] * 3
    assert trials["method"].asstr()[:].tolist() == METHODS * 2
    assert trials["learning_rate"][:].tolist() == [1e-3, 1e-2, 1e-2] * 2
    assert set(trials["state"].asstr()[:]) == {"done"}
    assert trials["steps"][:].tolist() == [8] * 6
    assert trials["train_examples"][:].tolist() == [32] * 6
    assert trials["dev_examples"][:].tolist() == [16] * 6
    assert trials["total_parameters"][:].tolist() == [23648 + 66] * 3 + [23648 + 99] * 3
    assert trials["trainable_parameters"][:].tolist() == [23714, 386, 226, 23747, 419, 259]


def test_scores_are_those_of_the_task(merged):
    scores, trials = merged["scores"], merged["trials"]
    assert scores["metric"].asstr()[:].tolist() == METRICS
    for name in ("best", "final"):
        assert dimensions_of(scores[name]) == ["trial", "metric"]
        for row, task in zip(scores[name][:], trials["task"].asstr()[:], strict=True):
            given = {metric for metric, value in zip(METRICS, row, strict=True) if not np.isnan(value)}
            assert given == FINAL_METRIC_OF[task]
    for row in range(6):
        headline = METRICS.index(trials["metric"].asstr()[row])
        assert trials["score"][row] == scores["best"][row, headline]
        assert trials["final_score"][row] == scores["final"][row, headline]


def test_long_tables(merged):
    for name, columns, rows in (
        ("evaluations", {"step", "epoch", "loss", *METRICS, "selection_score"}, 6 * 2),
        ("history", {"step", "loss", "learning_rate", "gradient_norm"}, 6 * 8),
    ):
        table = merged[name]
        assert set(table) == {"row", "trial", *columns}
        for column in {"trial", *columns}:
            assert table[column].shape == (rows,)
            assert dimensions_of(table[column]) == ["row"]
        assert table["trial"][:].tolist() == sorted(list(range(6)) * (rows // 6))
    assert merged["evaluations/epoch"][:].tolist() == [1.0, 2.0] * 6
    assert merged["evaluations/step"][:].tolist() == [4, 8] * 6
    assert merged["history/step"][:].tolist() == list(range(1, 9)) * 6


def test_predictions_give_the_final_accuracy(merged):
    trials = merged["trials"]
    assert set(merged["predictions"]) == set(trials["id"].asstr()[:])
    for row, name in enumerate(trials["id"].asstr()[:]):
        group = merged["predictions"][name]
        is_mnli = trials["task"].asstr()[row] == "MNLI"
        assert dimensions_of(group["logits"]) == ["example", "class"]
        assert dimensions_of(group["label"]) == ["example"]
        assert group["logits"].shape == (16, 3 if is_mnli else 2)
        assert ("logits_mismatched" in group) == is_mnli
        accuracy = np.mean(group["logits"][:].argmax(axis=1) == group["label"][:])
        assert accuracy == merged["scores/final"][row, METRICS.index("accuracy")]
        if is_mnli:
            assert dimensions_of(group["logits_mismatched"]) == ["example_mismatched", "class"]
            accuracy = np.mean(group["logits_mismatched"][:].argmax(axis=1) == group["label_mismatched"][:])
            assert accuracy == merged["scores/final"][row, METRICS.index("accuracy_mismatched")]


def test_axes_of_the_change_maps(merged):
    change = merged["change"]
    assert change["layer"].asstr()[:].tolist() == LAYERS
    assert set(change) == {"trial", "layer", "component", "size", "role", *MEASURES}
    assert dimensions_of(change["size"]) == dimensions_of(change["role"]) == ["layer", "component"]
    assert ((change["role"].asstr()[:] != "") == (change["size"][:] > 0)).all()
    assert change["role"].asstr()[0, 0] == "embeddings.word"
    assert change["size"].shape == (5, 25)
    for measure in MEASURES:
        assert dimensions_of(change[measure]) == ["trial", "layer", "component"]
        exists = np.broadcast_to(change["size"][:] > 0, change[measure].shape)
        assert (np.isnan(change[measure][:]) == ~exists).all()


def test_frozen_components_do_not_change_at_all(merged):
    """Full fine-tuning moves every tensor, but keys' biases: those have no effect."""
    change = merged["change"]
    components = np.array(change["component"].asstr()[:])
    is_layernorm = np.array(["LayerNorm" in name for name in components])
    is_head = np.array([name.startswith("classifier") for name in components])
    exists = change["size"][:] > 0
    for row, method in enumerate(merged["trials/method"].asstr()[:]):
        trained = exists & (np.ones_like(is_head) if method == "full" else is_layernorm | is_head)
        for measure in MEASURES:
            values = change[measure][row]
            assert (values[exists & ~trained] == 0.0).all()
            moving = trained & (components != "attention.self.key.bias")
            assert (values[moving] > 0.0).all()


def test_measures_agree_with_each_other(merged):
    change = merged["change"]
    exists = change["size"][:] > 0
    mean_abs, rms, _, max_abs = (change[name][:][:, exists] for name in MEASURES)
    assert (mean_abs <= rms * (1 + 1e-12)).all()
    assert (rms <= max_abs * (1 + 1e-12)).all()


def test_trial_file_has_the_schema_of_the_merged_file(swept, merged):
    identifiers = merged["trials/id"].asstr()[:].tolist()
    for path in swept.trial_files():
        with h5py.File(path) as file:
            assert sorted(file) == GROUPS
            row = identifiers.index(path.stem)
            for measure in MEASURES:
                np.testing.assert_array_equal(file["change"][measure][0], merged["change"][measure][row])
            np.testing.assert_array_equal(file["scores/final"][0], merged["scores/final"][row])


def test_h5dump_opens_a_trial_file_with_its_checksum(swept):
    if shutil.which("h5dump") is None:
        pytest.skip("h5dump is not on the PATH")
    path = swept.trial_files()[0]
    with h5py.File(path) as file:
        seal = file.attrs["checksum"]
    assert re.fullmatch(rb"tunescope sha256 [0-9a-f]{64}", seal)
    digest, content = seal.split()[-1], path.read_bytes()
    assert content.count(digest) == 1
    assert hashlib.sha256(content.replace(digest, b"0" * 64)).hexdigest() == digest.decode()
    dump = subprocess.run(["h5dump", "-d", "/trials/id", path], capture_output=True, text=True)
    assert dump.returncode == 0, dump.stderr
    assert path.stem in dump.stdout


def test_xarray_sees_dimensions_and_labels(swept):
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("h5netcdf")
    with xarray.open_dataset(swept.merged, group="change", engine="h5netcdf") as change:
        assert change["relative_l2"].dims == ("trial", "layer", "component")
        assert list(change["layer"].values) == LAYERS
        value = change["relative_l2"].isel(trial=1).sel(layer="0", component="output.dense.weight")
        assert float(value) == 0.0
    with xarray.open_dataset(swept.merged, group="scores", engine="h5netcdf") as scores:
        assert scores["best"].dims == ("trial", "metric")
        assert list(scores["metric"].values) == METRICS
    with xarray.open_dataset(swept.merged, group="trials", engine="h5netcdf") as trials:
        assert dict(trials.sizes) == {"trial": 6}
        assert list(trials["method"].values) == METHODS * 2
    for group, rows in (("evaluations", 12), ("history", 48)):
        with xarray.open_dataset(swept.merged, group=group, engine="h5netcdf") as table:
            assert dict(table.sizes) == {"row": rows}


def test_netcdf4_sees_dimensions_and_labels(swept):
    netcdf4 = pytest.importorskip("netCDF4")
    with netcdf4.Dataset(swept.merged) as file:
        assert sorted(file.groups) == GROUPS
        change = file["change"]
        assert {name: len(size) for name, size in change.dimensions.items()} == {
            "trial": 6, "layer": 5, "component": 25,
        }  # fmt: skip
        assert change["relative_l2"].dimensions == ("trial", "layer", "component")
        assert list(change["layer"][:]) == LAYERS
        assert list(file["trials"]["task"][:]) == ["CoLA"] * 3 + ["MNLI"] * 3
