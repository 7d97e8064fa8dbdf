import hashlib
import re

import numpy as np
import pytest
from small_sweep import COMPONENTS, LAYERS, SIZE, fisher_fields, trial


def test_page_stands_alone(written):
    assert not re.search(r"(src|href)=\"(?!data:|#)|url\(|@import|<script [^>]*src|https?://", written.html)
    assert len(written.page.images) >= 6
    assert all(
        image["src"].startswith("data:image/png;base64,") and image["alt"] for image in written.page.images
    )


def test_links_lead_to_parts(written):
    assert written.page.links
    assert set(written.page.links) <= written.page.anchors
    assert len(written.page.ids) == len(written.page.anchors)


def test_page_shows_scores_as_glue_tables_do(written):
    assert "full 56.0 ± 5.7 ≈ 68.0 ± 2.8 62.0" in written.page.text
    assert "layernorm 58.0 ± 0.0 69.0 1 seed 63.5" in written.page.text
    assert "bitfit diverged 65.0 1 seed –" in written.page.text
    assert [word for word in written.page.bold if re.fullmatch(r"\d\d\.\d", word)] == ["58.0", "69.0", "63.5"]


def test_page_tells_failures_with_messages(written):
    assert "14 (12 done, 1 failed, 1 diverged)" in written.page.text
    assert "out of memory <on device>" in written.page.text
    assert "node1, rank 3" in written.page.text
    assert "Device-hours 0.0389 h in 14 trials (cpu 0.0389 h)" in written.page.text  # 14 trials of 10 s


def test_page_names_the_tensors_that_trials_drew_anew(write, page_of):
    drawn = "bert.pooler.dense.weight bert.pooler.dense.bias"
    trials = [trial("RTE", "full", 1e-5, 1, 0.7)]
    maps = {
        "layers": LAYERS,
        "components": COMPONENTS,
        "size": SIZE,
        "change": {"mean_abs": np.ones((1, *SIZE.shape))},
    }
    page, _ = page_of(write(trials, attributes={"drawn_anew": drawn}, **maps))
    assert "their change says nothing about the pre-trained model" in page.text
    assert "newly drawn for each trial: bert.pooler.dense.weight, bert.pooler.dense.bias" in page.text


def test_page_counts_the_ranks_of_fisher_runs(written):
    assert (
        "in 14 trials (cpu 0.0389 h); 0.0167 h in Fisher runs" in written.page.text
    )  # 6 runs of 5 s on 2 ranks


def test_a_file_of_fisher_runs_alone_says_so(write, page_of):
    fields = {"layers": LAYERS, "components": COMPONENTS, "size": SIZE, **fisher_fields()}
    page, _ = page_of(write([], **fields))
    assert "This file holds no trials yet. It holds Fisher runs only." in page.text
    assert "Fisher information per scalar" in page.text


def test_page_says_what_changed_most(written):
    assert (
        "By mean absolute change, output LayerNorm weight changed most (1.85e+01, mean over tasks and its "
        "layers); a LayerNorm tensor leads on 2 of 2 tasks, one of output LayerNorm on 2."
        in written.page.text
    )


def test_one_seed_shows_means_only(write, page_of):
    page, _ = page_of(write([trial("RTE", "full", 1e-5, 1, 0.7), trial("CoLA", "full", 1e-5, 1, 0.5)]))
    assert "One seed, so no standard deviation." in page.text
    assert "±" not in page.text


def test_one_task_has_no_average(write, page_of):
    values = np.where(SIZE > 0, 1.0, np.nan)[None]
    page, _ = page_of(
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


def test_without_full_the_method_with_most_parameters_is_shown(write, page_of):
    values = np.where(SIZE > 0, 1.0, np.nan)[None].repeat(2, axis=0)
    trials = [trial("RTE", "bitfit", 1e-3, 1, 0.7), trial("RTE", "layernorm", 1e-3, 1, 0.6)]
    page, _ = page_of(write(trials, layers=LAYERS, components=COMPONENTS, size=SIZE, change={"rms": values}))
    assert "No trial of method full has finished: the maps show layernorm" in page.text


def test_tasks_missing_from_the_maps_are_named(write, page_of):
    values = np.where(SIZE > 0, 1.0, np.nan)[None].repeat(2, axis=0)
    trials = [trial("RTE", "full", 1e-3, 1, 0.7), trial("CoLA", "full", 1e-3, 1, np.nan, state="failed")]
    page, _ = page_of(write(trials, layers=LAYERS, components=COMPONENTS, size=SIZE, change={"rms": values}))
    assert "not in the maps: CoLA." in page.text


def test_partial_sweep_says_so(write, page_of):
    page, _ = page_of(write([trial("RTE", "full", 1e-5, 1, 0.7)], attributes={"complete": 0}))
    assert "The sweep was not complete" in page.text


def test_file_without_change_says_so(write, page_of):
    page, lines = page_of(write([trial("RTE", "full", 1e-5, 1, 0.7)]))
    assert "no /change group" in page.text
    assert not any("change" in line.rsplit("/", 1)[-1] for line in lines)


@pytest.mark.parametrize("change", [{}, {"rms": np.zeros((0, *SIZE.shape))}])
def test_empty_file_says_so(write, page_of, change):
    path = write([], layers=LAYERS, components=COMPONENTS, size=SIZE, change=change)
    page, lines = page_of(path)
    assert "This file holds no trials yet." in page.text
    assert lines[0] == f"{path}: no trials yet"


def test_only_failed_trials_still_make_a_page(write, page_of):
    page, _ = page_of(write([trial("RTE", "full", 1e-5, 1, np.nan, state="failed", error="disk full")]))
    assert "No trial has finished, so there are no scores." in page.text
    assert "disk full" in page.text


def test_long_lists_of_failures_are_cut(write, page_of):
    page, _ = page_of(write([trial("RTE", "full", 1e-5, i, np.nan, state="failed") for i in range(25)]))
    assert "And 5 more." in page.text


def test_job_text_is_escaped(write, page_of):
    page, _ = page_of(write([], attributes={"job": "name = <b>x</b> & é\n"}))
    assert "name = <b>x</b> & é" in page.text


def test_page_names_the_model_and_the_files_checksum(write, page_of):
    job = "name = sample\n\n[model]\npath = models/minilm-l6   # small\n"
    path = write([trial("RTE", "full", 1e-5, 1, 0.7)], attributes={"job": job})
    page, _ = page_of(path)
    assert "Model models/minilm-l6, 132 parameters with the head" in page.text
    assert f"other.h5, SHA-256 {hashlib.sha256(path.read_bytes()).hexdigest()}" in page.text


def test_a_job_that_is_no_ini_file_leaves_the_model_unknown(write, page_of):
    page, _ = page_of(write([], attributes={"job": "= ["}))
    assert "Model unknown" in page.text


def test_every_table_and_figure_speaks_in_words(written):
    headings = {heading.lower() for heading in written.page.headings}
    assert len(headings) > 30
    assert not [heading for heading in headings if "_" in heading]
    assert not [image["alt"] for image in written.page.images if "_" in image["alt"]]
