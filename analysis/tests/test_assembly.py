from dataclasses import replace

import numpy as np
import pytest
from make_file import Content, write_file
from make_sample import three_tasks
from reading import words
from small_sweep import COMPONENTS, LAYERS, SIZE, fisher_fields, trial

from tunescope_analysis import open_results
from tunescope_analysis.assembly import SECTIONS, build_report
from tunescope_analysis.report.blocks import Paragraph
from tunescope_analysis.topics.significance.section import significance_section
from tunescope_analysis.topics.task_size.section import task_size_section
from tunescope_analysis.topics.training.section import training_section


def test_verdicts_of_the_small_sweep(fisher_file):
    with open_results(fisher_file) as results:
        report = build_report(results)
    found = {verdict.claim.key for verdict in report.verdicts}
    assert found == {
        "change", "fisher-largest", "fisher-depth", "stability", "equivalence"
    }  # fmt: skip


def test_parts_without_data_say_what_to_run(write):
    with open_results(write([])) as results:
        for build in (significance_section, training_section, task_size_section):
            section = build(results)
            assert section.pictures == []
            assert "Run " in words(section)


@pytest.mark.parametrize("build", SECTIONS[:-1])
def test_every_part_of_an_empty_file_says_what_to_run(write, build):
    with open_results(write([])) as results:
        section = build(results)
    notes = [block.text for block in section.blocks if isinstance(block, Paragraph) and block.is_note]
    assert section.pictures == []
    assert any("Run " in note for note in notes)


ONE = [trial("RTE", "full", 1e-5, 1, 0.7)]
MAPS = {"layers": LAYERS, "components": COMPONENTS, "size": SIZE}
ODD_FILES = {
    "one trial": Content(ONE),
    "one trial with maps": Content(ONE, **MAPS, change={"rms": np.where(SIZE > 0, 1.0, np.nan)[None]}),
    "maps of zeros": Content(ONE, **MAPS, change={"mean_abs": np.zeros((1, *SIZE.shape))}),
    "Fisher runs alone": Content([], **MAPS, **fisher_fields()),
    "scores alone": replace(
        three_tasks(), change={}, fisher_runs=[], fisher={}, scales={}, fisher_parameters={}
    ),
}


@pytest.mark.parametrize("name", ODD_FILES)
def test_every_figure_of_an_odd_file_can_be_drawn(tmp_path, name):
    with open_results(write_file(tmp_path / "odd.h5", ODD_FILES[name])) as results:
        report = build_report(results)
    assert all(picture.png for picture in report.pictures)
