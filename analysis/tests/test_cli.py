import re
from pathlib import Path

import h5py
import numpy as np
import pytest
from reading import Page
from small_sweep import trial

from tunescope_analysis.cli import main, name_files


def test_writes_what_it_prints(small_file, blank_figures, tmp_path, capsys):
    folder = tmp_path / "out"
    assert main([str(small_file), "-o", str(folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == f"report: {folder}/report.html"
    printed = {Path(line.removeprefix("report: ")) for line in lines}
    assert printed == set(folder.iterdir())
    assert {path.suffix for path in printed} == {".html", ".csv", ".png"}
    names = {path.name for path in printed}
    measures = ("mean_abs", "rms", "relative_l2", "max_abs")
    assert {"scores.csv", "scores.png", "change.csv", *(f"change_{name}.png" for name in measures)} <= names


def test_other_formats_print_what_they_write(written):
    printed = {Path(line.removeprefix("report: ")) for line in written.lines}
    assert printed == set(written.folder.iterdir())


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


def test_unwritable_folder_is_one_line_and_exit_2(small_file, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main([str(small_file), "-o", str(tmp_path / "file")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_diff_command_says_what_moved_and_writes_the_table(two, tmp_path, capsys):
    assert main(["--diff", *map(str, two), "-o", str(tmp_path / "out")]) == 0
    answer = capsys.readouterr().out.splitlines()[-1]
    assert answer.startswith("4 scores in both files: ")
    assert answer.endswith("Moved beyond seed noise: full on RTE (+10.00).")
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "From a to b" in page
    assert "in one file only" in page
    assert (tmp_path / "out" / "moved.csv").exists()


def test_several_files_have_a_report_each_and_one_together(two, blank_figures, tmp_path, capsys):
    folder = tmp_path / "out"
    assert main([*map(str, two), "-o", str(folder)]) == 0
    reports = [line for line in capsys.readouterr().out.splitlines() if line.startswith("report: ")]
    assert reports == [f"report: {folder}/{name}report.html" for name in ("a/", "b/", "")]
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert re.search(r"<h2>Scores side by side</h2>", page)
    assert re.search(r"<h2>Verdict on each claim, file by file</h2>", page)


def test_equal_stems_take_their_folders_names(tmp_path):
    paths = [tmp_path / "x" / "s.h5", tmp_path / "y" / "s.h5", tmp_path / "t.h5"]
    assert list(name_files(paths)) == ["x-s", "y-s", "t"]
    assert list(name_files([paths[2], paths[2]])) == [f"{tmp_path.name}-t", "t-2"]


def test_one_unusable_file_writes_nothing(two, tmp_path, capsys):
    assert main([str(two[0]), str(tmp_path / "absent.h5"), "-o", str(tmp_path / "out")]) == 2
    assert "no such file" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_an_output_that_is_a_file_is_exit_2(two, tmp_path, capsys):
    target = tmp_path / "file"
    target.write_text("mine")
    assert main([str(two[0]), "-o", str(target)]) == 2
    assert f"{target}: not a folder; name another one with -o" in capsys.readouterr().err
    assert target.read_text() == "mine"


@pytest.mark.parametrize(
    "arguments", [[], ["--diff", "a.h5"], ["a.h5", "--format", "docx"], ["a.h5", "--format", ","]]
)
def test_wrong_options_are_exit_2(arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert capsys.readouterr().err
