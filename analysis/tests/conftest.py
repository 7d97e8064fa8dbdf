"""Files to read, and what the whole run shares: pictures are coarse, for tests look at numbers and words."""

import contextlib
import io
from dataclasses import dataclass
from pathlib import Path

import hypothesis
import numpy as np
import pytest
from make_file import Content, write_file
from make_sample import SAMPLES
from matplotlib.figure import Figure
from reading import Page
from small_sweep import COMPONENTS, LAYERS, SIZE, fisher_fields, fisher_of, small_content, trial

from tunescope_analysis import open_results
from tunescope_analysis.cli import main
from tunescope_analysis.report import blocks
from tunescope_analysis.report.writers import FORMATS

hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.load_profile("any machine")


@pytest.fixture(autouse=True, scope="session")
def coarse_pictures():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "DOTS_PER_INCH", 40)
        yield


@pytest.fixture(scope="session")
def small_file(tmp_path_factory):
    """The small sweep, to be read only: all tests share it."""
    return write_file(tmp_path_factory.mktemp("small") / "small.h5", small_content())


@pytest.fixture(scope="session")
def fisher_file(tmp_path_factory):
    """The small sweep with Fisher runs, to be read only."""
    return write_file(tmp_path_factory.mktemp("fisher") / "fisher.h5", small_content(**fisher_fields()))


@pytest.fixture(scope="session")
def sample(tmp_path_factory):
    """An open file of a model with six layers, eight tasks and one seed."""
    path = tmp_path_factory.mktemp("sample") / "sample.h5"
    with open_results(write_file(path, SAMPLES["minilm"]())) as opened:
        yield opened


@pytest.fixture
def write(tmp_path):
    """Write a file of some trials, without change maps unless they are given."""

    def write_content(trials, **fields):
        return write_file(tmp_path / "other.h5", Content(trials, **fields))

    return write_content


@pytest.fixture
def blank_figures(monkeypatch):
    """Figures are not drawn, for they take most of the time of a report."""
    monkeypatch.setattr(blocks.Picture, "figure", property(lambda picture: Figure(figsize=(3, 2))))


@pytest.fixture
def page_of(tmp_path, capsys, blank_figures):
    """Run the command on a file; gives the page of its report, without figures, and the printed lines."""

    def run(path):
        folder = tmp_path / "out"
        assert main([str(path), "-o", str(folder), "--format", "html"]) == 0
        html = (folder / "report.html").read_text(encoding="utf-8")
        return Page(html), capsys.readouterr().out.splitlines()

    return run


@dataclass(frozen=True)
class WrittenReport:
    folder: Path
    html: str
    page: Page
    lines: list[str]


@pytest.fixture(scope="session")
def written(fisher_file, tmp_path_factory):
    """The report on the small sweep with Fisher runs, written once for all tests that look at it.

    It has every format but PDF, which draws all figures a second time.
    """
    folder = tmp_path_factory.mktemp("written")
    formats = ",".join(name for name in FORMATS if name != "pdf")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        assert main([str(fisher_file), "-o", str(folder), "--format", formats]) == 0
    html = (folder / "report.html").read_text(encoding="utf-8")
    return WrittenReport(folder, html, Page(html), printed.getvalue().splitlines())


@pytest.fixture
def two(tmp_path):
    """Two sweeps: on RTE `full` moved far, `layernorm` a little; CoLA is equal; one method is in one file."""
    first = [trial("RTE", "full", 1e-5, seed, 0.60 + 0.002 * seed) for seed in (1, 2, 3)]
    first += [trial("RTE", "layernorm", 1e-3, seed, 0.60 + 0.01 * seed) for seed in (1, 2, 3)]
    first += [trial("CoLA", "full", 1e-5, 1, 0.5), trial("CoLA", "layernorm", 1e-3, 1, 0.5)]
    second = [trial("RTE", "full", 1e-5, seed, 0.70 + 0.002 * seed) for seed in (1, 2, 3)]
    second += [trial("RTE", "layernorm", 1e-3, seed, 0.61 + 0.01 * seed) for seed in (1, 2, 3)]
    second += [trial("CoLA", "full", 1e-5, 1, 0.5), trial("CoLA", "layernorm", 1e-3, 1, 0.51)]
    second += [trial("CoLA", "bitfit", 1e-3, 1, 0.4)]
    return [write_file(tmp_path / f"{n}.h5", Content(own)) for n, own in (("a", first), ("b", second))]


@pytest.fixture
def open_runs(write):
    """Open a file of Fisher runs; every run has the base maps unless others are given."""
    opened = []

    def open_content(runs, maps=None):
        maps = maps or fisher_of(np.ones(len(runs)))
        path = write([], layers=LAYERS, components=COMPONENTS, size=SIZE, fisher_runs=runs, fisher=maps)
        opened.append(open_results(path))
        return opened[-1].fisher

    yield open_content
    for results in opened:
        results.close()
