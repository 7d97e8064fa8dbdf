import h5py
import netCDF4
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from make_file import MEASURES

from tunescope_analysis import ResultsError, open_results


def test_reads_the_root_attributes(small_file):
    with open_results(small_file) as results:
        assert results.attributes.job == "name = sample\n"
        assert results.attributes.schema_version == 1
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
    with pytest.raises(ResultsError, match="no such file"):
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
    with pytest.raises(ResultsError, match="schema version 2 is newer than 1"):
        open_results(write([], attributes={"schema_version": 2}))


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


def test_plain_xarray_reads_the_file(small_file):
    with xr.open_dataset(small_file, engine="h5netcdf", group="change") as change:
        assert change["mean_abs"].dims == ("trial", "layer", "component")
        assert change["mean_abs"].sel(trial=7, layer="1", component="output.LayerNorm.weight") == 27
        assert change.sizes == {"trial": 14, "layer": 5, "component": 6}
        assert set(MEASURES) < set(change.data_vars)


def test_netcdf4_reads_the_file(small_file):
    with netCDF4.Dataset(small_file) as file:
        assert file.schema_version == 1
        assert file["trials/task"][4] == "CoLA"
        assert list(file["change/layer"][:]) == ["embeddings", "0", "1", "pooler", "head"]
        assert file["change/rms"].dimensions == ("trial", "layer", "component")
        assert file["change/rms"][0, 1, 3] == 20


def test_pandas_reads_the_trials(small_file):
    with h5py.File(small_file) as file:
        columns = {
            name: data.asstr()[:] if data.dtype.kind == "O" else data[:]
            for name, data in file["trials"].items()
        }
    frame = pd.DataFrame(columns).set_index("trial")
    assert frame.loc[9, "error"] == "out of memory <on device>"
    assert frame["state"].value_counts().to_dict() == {"done": 12, "failed": 1, "diverged": 1}
