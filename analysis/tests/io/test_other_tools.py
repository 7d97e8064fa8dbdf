"""The file without this package: read and plotted by xarray, netCDF4, pandas, h5dump, and as h5web does."""

import shutil
import subprocess

import h5py
import netCDF4
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from make_file import MEASURES
from matplotlib.figure import Figure

H5DUMP = shutil.which("h5dump")


@pytest.fixture
def axes():
    return Figure().add_subplot()


def test_xarray_reads_and_plots_the_maps(small_file, axes):
    with xr.open_dataset(small_file, engine="h5netcdf", group="change") as change:
        assert change["mean_abs"].dims == ("trial", "layer", "component")
        assert change.sizes == {"trial": 14, "layer": 5, "component": 6}
        assert set(MEASURES) < set(change.data_vars)
        cell = change["mean_abs"].sel(trial=7, component="output.LayerNorm.weight")
        cell.sel(layer=["0", "1"]).plot(ax=axes)
    assert axes.lines[0].get_ydata().tolist() == [17, 27]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0", "1"]


def test_netcdf4_reads_and_plots_the_maps(small_file, axes):
    with netCDF4.Dataset(small_file) as file:
        assert file.schema_version == 3
        assert file["trials/task"][4] == "CoLA"
        assert list(file["change/layer"][:]) == ["embeddings", "0", "1", "pooler", "head"]
        assert file["change/rms"].dimensions == ("trial", "layer", "component")
        image = axes.imshow(file["change/rms"][0].T)
    assert image.get_array()[3, 1] == 20
    assert np.isnan(image.get_array().filled(np.nan)[0, 1])


def test_pandas_reads_and_plots_the_trials(small_file, axes):
    with h5py.File(small_file) as file:
        columns = {
            name: data.asstr()[:] if data.dtype.kind == "O" else data[:]
            for name, data in file["trials"].items()
        }
    frame = pd.DataFrame(columns).set_index("trial")
    assert frame.loc[9, "error"] == "out of memory <on device>"
    assert frame["state"].value_counts().to_dict() == {"done": 12, "failed": 1, "diverged": 1}
    frame[frame["task"] == "RTE"].groupby("method")["score"].max().plot.bar(ax=axes)
    assert [bar.get_height() for bar in axes.patches] == [0.65, 0.72, 0.69]


@pytest.mark.skipif(H5DUMP is None, reason="no h5dump is installed (Debian's hdf5-tools)")
def test_h5dump_reads_the_maps_for_any_plot(small_file, tmp_path, axes):
    out = tmp_path / "maps.bin"
    dumped = subprocess.run([H5DUMP, "-d", "/change/mean_abs", "-b", "LE", "-o", out, small_file], check=True,
                            capture_output=True, text=True)  # fmt: skip
    assert "SIMPLE { ( 14, 5, 6 ) / ( 14, 5, 6 ) }" in dumped.stdout
    image = axes.imshow(np.fromfile(out).reshape(14, 5, 6)[0])
    assert image.get_array()[1, 3] == 10


@pytest.mark.skipif(H5DUMP is None, reason="no h5dump is installed (Debian's hdf5-tools)")
def test_h5dump_shows_text_and_attributes(small_file):
    def dump(*options):
        return subprocess.run(
            [H5DUMP, *options, small_file], check=True, capture_output=True, text=True
        ).stdout

    assert '"out of memory <on device>"' in dump("-d", "/trials/error")
    assert "(0): 3" in dump("-a", "/schema_version")
    assert "name = sample" in dump("-a", "/job")


def nexus_default(file):
    """The signal that a viewer plots first, and its axes: NeXus' path of `default` to an NXdata group."""
    group = file
    while "default" in group.attrs:
        group = group[group.attrs["default"]]
    assert group.attrs["NX_class"] == "NXdata"
    signal = group[group.attrs["signal"]]
    return signal, [None if name == "." else group[name] for name in group.attrs["axes"]]


def test_a_viewer_of_nexus_files_finds_what_to_plot_first(small_file, axes):
    with h5py.File(small_file) as file:
        signal, (trial, *others) = nexus_default(file)
        assert signal.name == "/change/mean_abs"
        assert (len(trial), others) == (14, [None, None])
        image = axes.imshow(signal[0])
    assert image.get_array()[1, 3] == 10


def test_every_plottable_group_names_numbers_over_numbers(fisher_file):
    with h5py.File(fisher_file) as file:
        groups = [group for group in file.values() if group.attrs.get("NX_class") == "NXdata"]
        assert {group.name for group in groups} == {
            "/trials", "/change", "/fisher", "/evaluations", "/history"
        }  # fmt: skip
        for group in groups:
            signal, names = group[group.attrs["signal"]], list(group.attrs["axes"])
            assert signal.dtype.kind == "f"
            assert len(names) == signal.ndim
            axes = [group[name] for name in names if name != "."]
            assert all(axis.dtype.kind in "if" and axis.is_scale for axis in axes)
