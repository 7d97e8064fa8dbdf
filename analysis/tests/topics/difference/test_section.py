import pytest
from make_file import Content, write_file
from reading import words
from small_sweep import trial

from tunescope_analysis import open_results
from tunescope_analysis.assembly import build_difference

HALF = {"selection": "half-dev", "selection_score": 0.7}


def difference_of(folder, first, second):
    paths = [folder / "a.h5", folder / "b.h5"]
    for path, more in zip(paths, (first, second), strict=True):
        write_file(
            path, Content([trial("RTE", "full", 1e-5, seed, 0.6 + seed / 100, **more) for seed in (1, 2)])
        )
    with open_results(paths[0]) as a, open_results(paths[1]) as b:
        return build_difference({"a": a, "b": b})


def test_files_that_differ_in_selection_say_so_first(tmp_path):
    report = difference_of(tmp_path, {}, HALF)
    warning = "The files differ in data.selection: dev in a and half-dev in b."
    assert words(report.sections[0]).startswith(warning)
    assert report.answer.startswith(warning)
    assert "1 score in both files: 1 identical." in report.answer


@pytest.mark.parametrize("more", [{}, HALF])
def test_files_of_one_selection_say_nothing_of_it(tmp_path, more):
    report = difference_of(tmp_path, more, more)
    assert "data.selection" not in report.answer + words(report.sections[0])
