import resource
import subprocess
import sys
from contextlib import contextmanager

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from small_sweep import COMPONENTS, LAYERS, SIZE, trial

from tunescope_analysis import open_results
from tunescope_analysis.cli import main
from tunescope_analysis.report.report import Report
from tunescope_analysis.report.writers import write_report
from tunescope_analysis.topics.scores.section import scores_section

ROOM = 20  # bytes of a file, on a disk that is full then


def test_every_format_that_is_named_is_written(written):
    endings = {file.suffix for file in written.folder.iterdir()}
    assert endings == {".html", ".csv", ".png", ".tex", ".nc"}


def test_every_figure_has_its_numbers_as_csv(written):
    tables = {path.stem for path in written.folder.glob("*.csv")}
    figures = {path.stem for path in written.folder.glob("*.png")}
    measures = {name for name in figures if name.startswith(("change_", "fisher_map_"))}
    assert figures - measures <= tables
    assert {"change", "fisher"} <= tables


def test_tables_are_also_csv(written):
    scores = pd.read_csv(written.folder / "scores.csv").set_index(["task", "method"])
    assert scores.loc[("CoLA", "full"), "mean"] == pytest.approx(0.56)
    change = pd.read_csv(written.folder / "change.csv", dtype={"layer": str})
    assert change.loc[change["layer"] == "pooler", "mean_abs"].tolist() == [3.0, 3.0, 3.0]


def test_tables_are_also_latex(written):
    scores = (written.folder / "scores.tex").read_text(encoding="utf-8")
    assert r"full & 56.0 $\pm$ 5.7 $\approx$ & 68.0 $\pm$ 2.8 & 62.0 \\" in scores


def test_figures_as_pdf_have_their_fonts_embedded(small_file, tmp_path):
    with open_results(small_file) as results:
        paths = write_report(Report("small", [scores_section(results)]), tmp_path, ["pdf"])
    assert paths == [tmp_path / "scores.pdf"]
    figure = paths[0].read_bytes()
    assert b"/TrueType" in figure or b"/CIDFontType2" in figure


def test_netcdf_holds_the_maps(written):
    with xr.open_dataset(written.folder / "change_by_task.nc", engine="h5netcdf") as maps:
        cell = maps["mean_abs"].sel(task="RTE", layer="0", component="output.LayerNorm.weight")
        assert cell.item() == 10.5
        # what xarray labels its plots with
        assert maps["mean_abs"].attrs["long_name"] == "mean absolute change"


@pytest.fixture
def one_trial(write):
    values = np.where(SIZE > 0, 1.0, np.nan)[None]
    return write([trial("RTE", "full", 1e-5, 1, 0.7)], layers=LAYERS, components=COMPONENTS, size=SIZE,
                 change={"rms": values})  # fmt: skip


@contextmanager
def full_disk():
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, limit[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)


@pytest.mark.parametrize("formats", ["html", "csv", "png", "pdf", "latex"])
def test_a_full_disk_is_one_line_and_leaves_nothing_half_written(
    one_trial, blank_figures, tmp_path, capsys, formats
):
    with full_disk():
        assert main([str(one_trial), "-o", str(tmp_path / "out"), "--format", formats]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"'{tmp_path}/out/" in line
    assert list((tmp_path / "out").iterdir()) == []


def test_a_full_disk_while_netcdf_is_written_is_one_line_too(one_trial, tmp_path):
    """In a process of its own, for HDF5 keeps trying to write until its process ends."""
    command = [
        sys.executable,
        "-m",
        "tunescope_analysis",
        one_trial,
        "-o",
        tmp_path / "out",
        "--format",
        "netcdf",
    ]

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, ROOM))

    done = subprocess.run(command, preexec_fn=limit, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert f"'{tmp_path}/out/" in line
    assert list((tmp_path / "out").iterdir()) == []
