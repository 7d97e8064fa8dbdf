import hashlib
import re
import resource
import signal
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from conftest import COMPONENTS, LAYERS, SIZE, fisher_fields, trial
from make_file import write_file
from make_sample import SAMPLES

from tunescope_analysis.cli import main

VOID = {"meta", "img", "br", "wbr"}
SPACED = {"br", "dd", "h1", "h2", "h3", "li", "p", "pre", "td", "th"}


class Page(HTMLParser):
    """Checks that tags nest, and keeps what the tests ask for."""

    def __init__(self, html):
        super().__init__()
        self.open, self.images, self.words, self.bold = [], [], [], []
        self.links, self.ids, self.headings = [], [], []
        self.feed(html)
        assert self.open == []
        self.text = re.sub(r"\s+", " ", "".join(self.words))
        self.anchors = set(self.ids)

    def handle_starttag(self, tag, attrs):
        if tag in SPACED:
            self.words.append(" ")
        self.ids += [value for name, value in attrs if name == "id"]
        self.links += [value.removeprefix("#") for name, value in attrs if name == "href"]
        if tag == "img":
            self.images.append(dict(attrs))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" in self.open or "script" in self.open:
            return
        self.words.append(data)
        if self.open and self.open[-1] == "th" and "thead" in self.open:
            self.headings.append(data)
        if self.open and self.open[-1] == "strong":
            self.bold.append(data)


@pytest.fixture
def report(tmp_path, capsys):
    """Run the command on a file; gives its page and its printed lines."""

    def run(path):
        folder = tmp_path / "out"
        assert main([str(path), "-o", str(folder)]) == 0
        html = (folder / "report.html").read_text(encoding="utf-8")
        return Page(html), capsys.readouterr().out.splitlines()

    return run


def test_writes_what_it_prints(small_file, report, tmp_path):
    _, lines = report(small_file)
    folder = tmp_path / "out"
    assert lines[-1] == f"report: {folder}/report.html"
    printed = {Path(line.removeprefix("report: ")) for line in lines}
    assert printed == set(folder.iterdir())
    names = {path.name for path in printed}
    measures = ("mean_abs", "rms", "relative_l2", "max_abs")
    assert {"scores.csv", "scores.png", "change.csv", *(f"change_{name}.png" for name in measures)} <= names


def test_every_figure_has_its_numbers_as_csv(fisher_file, report, tmp_path):
    report(fisher_file)
    tables = {path.stem for path in (tmp_path / "out").glob("*.csv")}
    figures = {path.stem for path in (tmp_path / "out").glob("*.png")}
    measures = {name for name in figures if name.startswith(("change_", "fisher_map_"))}
    assert figures - measures <= tables
    assert {"change", "fisher"} <= tables


def test_page_stands_alone(small_file, report, tmp_path):
    page, _ = report(small_file)
    html = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"(src|href)=\"(?!data:|#)|url\(|@import|<script [^>]*src|https?://", html)
    assert len(page.images) >= 6
    assert all(image["src"].startswith("data:image/png;base64,") and image["alt"] for image in page.images)


def test_links_lead_to_parts(fisher_file, report):
    page, _ = report(fisher_file)
    assert page.links
    assert set(page.links) <= page.anchors
    assert len(page.ids) == len(page.anchors)


def test_page_shows_scores_as_glue_tables_do(small_file, report):
    page, _ = report(small_file)
    assert "full 56.0 ± 5.7 ≈ 68.0 ± 2.8 62.0" in page.text
    assert "layernorm 58.0 ± 0.0 69.0 1 seed 63.5" in page.text
    assert "bitfit diverged 65.0 1 seed –" in page.text
    assert [word for word in page.bold if word[0].isdigit()] == ["58.0", "69.0", "63.5"]


def test_page_tells_failures_with_messages(small_file, report):
    page, _ = report(small_file)
    assert "14 (12 done, 1 failed, 1 diverged)" in page.text
    assert "out of memory <on device>" in page.text
    assert "node1, rank 3" in page.text
    assert "Device-hours 0.0389 h in 14 trials (cpu 0.0389 h)" in page.text  # 14 trials of 10 s


def test_page_names_the_tensors_that_trials_drew_anew(write, report):
    drawn = "bert.pooler.dense.weight bert.pooler.dense.bias"
    trials = [trial("RTE", "full", 1e-5, 1, 0.7)]
    maps = {
        "layers": LAYERS,
        "components": COMPONENTS,
        "size": SIZE,
        "change": {"mean_abs": np.ones((1, *SIZE.shape))},
    }
    page, _ = report(write(trials, attributes={"drawn_anew": drawn}, **maps))
    assert "their change says nothing about the pre-trained model" in page.text
    assert "drawn anew for each trial: bert.pooler.dense.weight, bert.pooler.dense.bias" in page.text


def test_page_counts_the_ranks_of_fisher_runs(fisher_file, report):
    page, _ = report(fisher_file)
    assert "in 14 trials (cpu 0.0389 h); 0.0167 h in Fisher runs" in page.text  # 6 runs of 5 s on 2 ranks


def test_a_file_of_fisher_runs_alone_says_so(write, report):
    fields = {"layers": LAYERS, "components": COMPONENTS, "size": SIZE, **fisher_fields()}
    page, _ = report(write([], **fields))
    assert "This file holds no trials yet. It holds Fisher runs only." in page.text
    assert "Fisher information per scalar" in page.text


def test_page_says_what_changed_most(small_file, report):
    page, _ = report(small_file)
    assert (
        "By mean absolute change, output LayerNorm weight changed most (1.85e+01, mean over tasks and its "
        "layers); a LayerNorm tensor leads on 2 of 2 tasks, one of output LayerNorm on 2." in page.text
    )


def test_tables_are_also_csv(small_file, report, tmp_path):
    report(small_file)
    scores = pd.read_csv(tmp_path / "out" / "scores.csv").set_index(["task", "method"])
    assert scores.loc[("CoLA", "full"), "mean"] == pytest.approx(0.56)
    change = pd.read_csv(tmp_path / "out" / "change.csv", dtype={"layer": str})
    assert change.loc[change["layer"] == "pooler", "mean_abs"].tolist() == [3.0, 3.0, 3.0]


def test_one_seed_shows_means_only(write, report):
    page, _ = report(write([trial("RTE", "full", 1e-5, 1, 0.7), trial("CoLA", "full", 1e-5, 1, 0.5)]))
    assert "One seed, so no standard deviation." in page.text
    assert "±" not in page.text


def test_one_task_has_no_average(write, report):
    values = np.where(SIZE > 0, 1.0, np.nan)[None]
    page, _ = report(
        write(
            [trial("RTE", "full", 1e-5, 1, 0.7)],
            layers=LAYERS,
            components=COMPONENTS,
            size=SIZE,
            change={"rms": values},
        )  # fmt: skip
    )
    assert "Average" not in page.text
    assert "changed most on RTE" in page.text


def test_without_full_the_method_with_most_parameters_is_shown(write, report):
    values = np.where(SIZE > 0, 1.0, np.nan)[None].repeat(2, axis=0)
    trials = [trial("RTE", "bitfit", 1e-3, 1, 0.7), trial("RTE", "layernorm", 1e-3, 1, 0.6)]
    page, _ = report(write(trials, layers=LAYERS, components=COMPONENTS, size=SIZE, change={"rms": values}))
    assert "No trial of method full has finished: the maps show layernorm" in page.text


def test_tasks_missing_from_the_maps_are_named(write, report):
    values = np.where(SIZE > 0, 1.0, np.nan)[None].repeat(2, axis=0)
    trials = [trial("RTE", "full", 1e-3, 1, 0.7), trial("CoLA", "full", 1e-3, 1, np.nan, state="failed")]
    page, _ = report(write(trials, layers=LAYERS, components=COMPONENTS, size=SIZE, change={"rms": values}))
    assert "not in the maps: CoLA." in page.text


def test_partial_sweep_says_so(write, report):
    page, _ = report(write([trial("RTE", "full", 1e-5, 1, 0.7)], attributes={"complete": 0}))
    assert "The sweep was not complete" in page.text


def test_file_without_change_says_so(write, report):
    page, lines = report(write([trial("RTE", "full", 1e-5, 1, 0.7)]))
    assert "no /change group" in page.text
    assert not any("change" in line.rsplit("/", 1)[-1] for line in lines)


@pytest.mark.parametrize("change", [{}, {"rms": np.zeros((0, *SIZE.shape))}])
def test_empty_file_says_so(write, report, change):
    path = write([], layers=LAYERS, components=COMPONENTS, size=SIZE, change=change)
    page, lines = report(path)
    assert "This file holds no trials yet." in page.text
    assert lines[0] == f"{path}: no trials yet"


def test_only_failed_trials_still_make_a_page(write, report):
    page, _ = report(write([trial("RTE", "full", 1e-5, 1, np.nan, state="failed", error="disk full")]))
    assert "No trial has finished, so there are no scores." in page.text
    assert "disk full" in page.text


def test_long_lists_of_failures_are_cut(write, report):
    page, _ = report(write([trial("RTE", "full", 1e-5, i, np.nan, state="failed") for i in range(25)]))
    assert "And 5 more." in page.text


def test_bytes_that_are_no_utf8_are_marked(write, tmp_path):
    written = write([trial("RTE", "full", 1e-5, 1, np.nan, state="failed")])
    with h5py.File(written, "a") as file:
        file.attrs.create("job", b"name = x  # f\xfcr\n", dtype=h5py.string_dtype())
        file["trials/error"][0] = b"no room in f\xfcr"
    path = written.rename(written.with_name("f\udcfcr.h5"))
    assert main([str(path), "-o", str(tmp_path / "out"), "--format", "html,csv,latex"]) == 0
    page = Page((tmp_path / "out" / "report.html").read_text(encoding="utf-8"))
    assert "Tunescope report: f\ufffdr.h5" in page.text
    assert "name = x # f\ufffdr" in page.text
    assert "no room in f\ufffdr" in page.text


def test_job_text_is_escaped(write, report):
    page, _ = report(write([], attributes={"job": "name = <b>x</b> & é\n"}))
    assert "name = <b>x</b> & é" in page.text


def make_absent(path):
    pass


def make_text(path):
    path.write_text("text")


def make_foreign(path):
    h5py.File(path, "w").close()


@pytest.mark.parametrize("make", [make_absent, make_text, make_foreign])
def test_bad_input_is_one_line_and_exit_2(tmp_path, capsys, make):
    path = tmp_path / "bad.h5"
    make(path)
    assert main([str(path), "-o", str(tmp_path / "out")]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert len(printed.err.splitlines()) == 1
    assert str(path) in printed.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("formats", ["html", "csv", "png", "pdf", "latex", "netcdf"])
def test_a_full_disk_is_one_line_and_leaves_nothing_half_written(small_file, tmp_path, formats):
    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20, 20))

    arguments = [small_file, "-o", tmp_path / "out", "--format", formats]
    done = subprocess.run([sys.executable, "-m", "tunescope_analysis", *arguments], preexec_fn=limit,
                          restore_signals=False, capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert f"'{tmp_path}/out/" in done.stderr
    assert list((tmp_path / "out").iterdir()) == []


def test_unwritable_folder_is_one_line_and_exit_2(small_file, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main([str(small_file), "-o", str(tmp_path / "file")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_samples_make_a_report(tmp_path, report):
    page, _ = report(write_file(tmp_path / "sample.h5", SAMPLES["minilm"]()))
    assert "one of output LayerNorm on 8." in page.text


def test_page_names_the_model_and_the_files_checksum(write, report):
    job = "name = sample\n\n[model]\npath = models/minilm-l6   # small\n"
    path = write([trial("RTE", "full", 1e-5, 1, 0.7)], attributes={"job": job})
    page, _ = report(path)
    assert "Model models/minilm-l6, 132 parameters with the head" in page.text
    assert f"other.h5, SHA-256 {hashlib.sha256(path.read_bytes()).hexdigest()}" in page.text


def test_a_job_that_is_no_ini_file_leaves_the_model_unknown(write, report):
    page, _ = report(write([], attributes={"job": "= ["}))
    assert "Model unknown" in page.text


def test_every_table_and_figure_speaks_in_words(fisher_file, report):
    page, _ = report(fisher_file)
    headings = {heading.lower() for heading in page.headings}
    assert len(headings) > 30
    assert not [heading for heading in headings if "_" in heading]
    assert not [image["alt"] for image in page.images if "_" in image["alt"]]
