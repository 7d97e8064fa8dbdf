import fcntl
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from small_sweep import FISHER_RUNS

from tunescope_analysis import ResultsError, open_results
from tunescope_analysis.io.results import NEWEST_SCHEMA


@pytest.fixture
def small_file(small_file, tmp_path):
    """A copy of its own for each test, some of which damage it."""
    return Path(shutil.copy(small_file, tmp_path / "small.h5"))


def test_reads_the_root_attributes(small_file):
    with open_results(small_file) as results:
        assert results.attributes.job == "name = sample\n"
        assert results.attributes.schema_version == 3
        assert results.attributes.is_complete


def test_reads_attributes_stored_as_bytes_and_as_arrays_of_one(write):
    path = write([], attributes={"job": np.bytes_("é".encode()), "complete": np.array([0])})
    with open_results(path) as results:
        assert results.attributes.job == "é"
        assert not results.attributes.is_complete


def test_opens_every_group_with_labels(small_file):
    with open_results(small_file) as results:
        assert results.trials.sizes == {"trial": 14}
        assert list(results.scores["metric"].values)[:2] == ["accuracy", "f1"]
        assert results.change["size"].sel(layer="0", component="output.dense.weight") == 16
        assert results.evaluations["accuracy"].values.tolist() == [0.6, 0.7]
        assert results.history["gradient_norm"].values.tolist() == [2.0]


def test_opens_predictions_by_trial(small_file):
    with open_results(small_file) as results:
        predictions = results.predictions(str(results.trials["id"].values[0]))
        right = predictions["logits"].argmax("class") == predictions["label"]
    assert right.values.tolist() == [True, True, False]


def test_opens_a_group_once(small_file):
    with open_results(small_file) as results:
        assert results.trials is results.trials


def test_names_the_groups_when_one_is_absent(write):
    with open_results(write([])) as results, pytest.raises(ResultsError, match="no group /change; the file"):
        _ = results.change


def test_says_so_when_predictions_of_a_trial_are_absent(small_file):
    with open_results(small_file) as results, pytest.raises(ResultsError, match="cannot read group"):
        results.predictions("none")


def test_refuses_a_missing_file(tmp_path):
    with pytest.raises(ResultsError, match=r"absent.h5: no such file; .tunescope merge JOB. writes"):
        open_results(tmp_path / "absent.h5")


def test_refuses_a_folder(tmp_path):
    with pytest.raises(ResultsError, match="is a folder"):
        open_results(tmp_path)


def test_refuses_a_file_that_is_not_hdf5(tmp_path):
    path = tmp_path / "text.h5"
    path.write_text("hello")
    with pytest.raises(ResultsError, match="not an HDF5 file"):
        open_results(path)


def test_refuses_a_truncated_file(small_file):
    small_file.write_bytes(small_file.read_bytes()[:3000])
    with pytest.raises(ResultsError, match="cannot be opened as HDF5"):
        open_results(small_file)


def test_refuses_hdf5_of_another_program(tmp_path):
    path = tmp_path / "other.h5"
    h5py.File(path, "w").close()
    with pytest.raises(ResultsError, match="not a Tunescope result"):
        open_results(path)


def test_refuses_a_newer_schema(write):
    newer = NEWEST_SCHEMA + 1
    with pytest.raises(ResultsError, match=f"schema version {newer} is newer than {NEWEST_SCHEMA}"):
        open_results(write([], attributes={"schema_version": newer}))


def test_names_missing_trial_columns(small_file):
    with h5py.File(small_file, "a") as file:
        del file["trials/metric"]
    with pytest.raises(ResultsError, match="/trials lacks metric"):
        open_results(small_file)


def test_names_a_missing_size_of_change(small_file):
    with h5py.File(small_file, "a") as file:
        del file["change/size"]
    with open_results(small_file) as results, pytest.raises(ResultsError, match="/change lacks size"):
        _ = results.change


def test_columns_stay_in_memory_and_maps_are_read_where_they_are_indexed(small_file):
    with open_results(small_file) as results:
        score, maps = results.trials["score"], results.change["mean_abs"]
        assert not score.variable._in_memory
        assert not maps.variable._in_memory
        assert maps.isel(trial=[7, 3], layer=2, component=3).values.tolist() == [27, 23]
        assert not maps.variable._in_memory
        assert score.values[0] == 0.70
        assert score.variable._in_memory


def test_copies_share_the_file(small_file):
    with open_results(small_file) as results:
        copy = results.change.copy(deep=True)
        assert copy["rms"].sel(trial=0, layer="0", component="output.LayerNorm.weight") == 20


def test_opens_a_file_where_no_lock_is_granted(small_file):
    with small_file.open("r+b") as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        with open_results(small_file) as results:
            assert results.trials.sizes["trial"] == 14


def test_the_same_process_may_have_the_file_open_with_h5py(small_file):
    with h5py.File(small_file, "r"), open_results(small_file) as results:
        assert results.groups
    with open_results(small_file), h5py.File(small_file, "r") as file:
        assert "trials" in file


def test_keeps_attributes_but_not_hdf5s_bookkeeping(small_file):
    with h5py.File(small_file, "a") as file:
        file["trials/wall_seconds"].attrs["units"] = "s"
    with open_results(small_file) as results:
        assert results.trials["wall_seconds"].attrs == {"units": "s"}


def test_names_an_axis_without_a_dimension_scale(small_file):
    with h5py.File(small_file, "a") as file:
        file["scores/stray"] = [1.0]
    with open_results(small_file) as results, pytest.raises(ResultsError, match="axis 0 of /scores/stray"):
        _ = results.scores


def test_a_closed_file_is_free_to_be_written(small_file):
    open_results(small_file).close()
    with h5py.File(small_file, "a") as file:
        del file["trials"]
    with pytest.raises(ResultsError):
        open_results(small_file)
    with h5py.File(small_file, "a") as file:
        file.attrs["left"] = "open"


@pytest.fixture
def results(fisher_file):
    with open_results(fisher_file) as opened:
        yield opened


def test_reads_runs_scalars_and_masks(results):
    assert results.fisher["task"].values.tolist() == [run["task"] for run in FISHER_RUNS]
    assert results.members("fisher_parameters") == tuple(f"f{i:015x}" for i in range(3))
    scalars = results.fisher_parameters(f"f{1:015x}")
    assert scalars["bert.encoder.layer.0.output.LayerNorm.weight"].values.tolist() == [4, 3, 1, 2]
    assert scalars["bert.encoder.layer.0.output.dense.weight"].shape == (4, 4)
    mask = results.fisher_mask("m" + 15 * "0")
    assert (mask["count"].values.tolist(), mask["index"].values.tolist()) == ([2], [0, 1])
    assert mask.attrs["runs"] == f"f{0:015x}"


def test_a_file_without_fisher_says_so(small_file):
    with open_results(small_file) as results:
        assert results.members("fisher_parameters") == ()
        with pytest.raises(ResultsError, match="no group /fisher"):
            _ = results.fisher
