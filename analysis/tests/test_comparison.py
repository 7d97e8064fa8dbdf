import re
from contextlib import ExitStack

import numpy as np
import pytest
from conftest import small_content, trial
from make_file import Content, write_file
from make_sample import SAMPLES

from tunescope_analysis import open_results
from tunescope_analysis.cli import main, name_files
from tunescope_analysis.topics.comparison.section import sizes_section
from tunescope_analysis.topics.comparison.table import gaps_of_files, side_by_side
from tunescope_analysis.topics.difference.section import moved_sentence
from tunescope_analysis.topics.difference.table import Movement, moved_scores


def write(path, trials):
    return write_file(path, Content(trials))


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
    return write(tmp_path / "a.h5", first), write(tmp_path / "b.h5", second)


@pytest.fixture
def moved(two):
    with open_results(two[0]) as first, open_results(two[1]) as second:
        return moved_scores(first.trials, second.trials)


def test_says_which_scores_moved_beyond_seed_noise(moved):
    verdicts = moved.set_index(["task", "method"])["verdict"].to_dict()
    assert verdicts == {
        ("RTE", "full"): Movement.MOVED,
        ("RTE", "layernorm"): Movement.WITHIN_NOISE,
        ("CoLA", "full"): Movement.IDENTICAL,
        ("CoLA", "layernorm"): Movement.UNDECIDABLE,
        ("CoLA", "bitfit"): Movement.IN_ONE_FILE,
    }
    assert moved_sentence(moved).endswith("Moved beyond seed noise: full on RTE (+10.00).")
    assert moved["task"].tolist() == ["RTE", "CoLA", "CoLA", "CoLA", "RTE"]  # what moved, then GLUE's order


def test_p_is_welchs_with_holms_correction(moved):
    rows = moved.set_index(["task", "method"])
    # spreads of 0.01, three seeds each, 0.01 apart: t = 1 / sqrt(2/3) with 4 degrees of freedom
    assert rows.loc[("RTE", "layernorm"), "p"] == pytest.approx(0.2879, abs=5e-5)
    assert rows.loc[("RTE", "full"), "holm_p"] == pytest.approx(2 * rows.loc[("RTE", "full"), "p"])
    assert np.isnan(rows.loc[("CoLA", "full"), "p"])


def test_without_any_spread_two_seeds_cannot_tell(tmp_path):
    paths = [
        write(tmp_path / f"{n}.h5", [trial("RTE", "full", 1e-5, s, 0.5 + n) for s in (1, 2)])
        for n in (0, 0.1)
    ]
    with open_results(paths[0]) as first, open_results(paths[1]) as second:
        assert moved_scores(first.trials, second.trials)["verdict"].tolist() == [Movement.UNDECIDABLE]


def test_missing_trials_and_single_seeds_are_said(tmp_path):
    """One trial of three failed, all failed, one seed is left, another learning rate is best."""

    def rows(method, scores, rate=1e-3, **more):
        return [trial("RTE", "full", rate, seed, score) | {"method": method} | more
                for seed, score in enumerate(scores)]  # fmt: skip

    failed = {"state": "failed", "score": np.nan}
    first = [*rows("full", [0.60, 0.61, 0.62]), *rows("head", [0.5, 0.51]), *rows("bitfit", [0.6, 0.61]),
             *rows("layernorm", [0.600, 0.601, 0.602])]  # fmt: skip
    second = [*rows("full", [0.60, 0.61]), rows("full", [0, 0, 0.62])[2] | failed,
              *rows("head", [0.5, 0.5], **failed), *rows("bitfit", [0.7]),
              *rows("layernorm", [0.8, 0.801, 0.802], rate=1e-4)]  # fmt: skip
    paths = [write(tmp_path / "a.h5", first), write(tmp_path / "b.h5", second)]
    with open_results(paths[0]) as a, open_results(paths[1]) as b:
        table = moved_scores(a.trials, b.trials).set_index("method")
    assert table["verdict"].to_dict() == {
        "full": Movement.WITHIN_NOISE,
        "head": Movement.UNFINISHED,
        "bitfit": Movement.UNDECIDABLE,
        "layernorm": Movement.MOVED,
    }
    assert table.loc["full", ["seeds_first", "seeds_second"]].tolist() == [3, 2]
    assert table.loc["layernorm", ["learning_rate_first", "learning_rate_second"]].tolist() == [1e-3, 1e-4]
    assert table["p"].isna().to_dict() == {"full": False, "head": True, "bitfit": True, "layernorm": False}


def test_files_without_a_common_score_say_so(tmp_path):
    paths = [write(tmp_path / f"{task}.h5", [trial(task, "full", 1e-5, 1, 0.5)]) for task in ("RTE", "CoLA")]
    with open_results(paths[0]) as first, open_results(paths[1]) as second:
        table = moved_scores(first.trials, second.trials)
    assert set(table["verdict"]) == {Movement.IN_ONE_FILE}
    assert moved_sentence(table) == "No score is in both files."


def test_diff_command_says_what_moved_and_writes_the_table(two, tmp_path, capsys):
    assert main(["--diff", *map(str, two), "-o", str(tmp_path / "out")]) == 0
    answer = capsys.readouterr().out.splitlines()[-1]
    assert answer.startswith("4 scores in both files: ")
    assert answer.endswith("Moved beyond seed noise: full on RTE (+10.00).")
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "From a to b" in page
    assert "in one file only" in page
    assert (tmp_path / "out" / "moved.csv").exists()


def test_files_stand_side_by_side(two):
    with open_results(two[0]) as first, open_results(two[1]) as second:
        trials = {"a": first.trials, "b": second.trials}
        table = side_by_side(trials)
        gaps = gaps_of_files(trials)
    assert table.groupby("file").size().to_dict() == {"a": 4, "b": 5}
    assert gaps[["file", "method", "task"]].values.tolist() == [
        ["a", "layernorm", "CoLA"], ["a", "layernorm", "RTE"], ["b", "bitfit", "CoLA"],
        ["b", "layernorm", "CoLA"], ["b", "layernorm", "RTE"],
    ]  # fmt: skip


def test_several_files_have_a_report_each_and_one_together(two, tmp_path, capsys):
    folder = tmp_path / "out"
    assert main([*map(str, two), "-o", str(folder)]) == 0
    reports = [line for line in capsys.readouterr().out.splitlines() if line.startswith("report: ")]
    assert reports == [f"report: {folder}/{name}report.html" for name in ("a/", "b/", "")]
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert re.search(r"<h2>Scores side by side</h2>", page)
    assert re.search(r"<h2>Verdict on each claim, file by file</h2>", page)


def test_sizes_of_several_files_are_judged_together_for_each_model(tmp_path):
    """Five sweeps of one task, each of another `train_examples`, and one of another model."""

    def sweep(name, size, gap):
        rows = [
            trial("RTE", "full", 1e-5, seed, 0.8 - 0.001 * seed - lag)
            | {"method": method, "train_examples": size}
            for seed in (1, 2)
            for method, lag in (("full", 0.0), ("layernorm", gap))
        ]
        job = {"job": "[model]\npath = models/one\n"}
        return write_file(tmp_path / f"{name}.h5", Content(rows, attributes=job))

    with ExitStack() as stack:
        files = {
            str(size): stack.enter_context(open_results(sweep(size, 100 * size, 0.01 * size)))
            for size in range(1, 6)
        }
        alone = sizes_section(files)
        other = write_file(tmp_path / "other.h5", SAMPLES["minilm"]())
        with_other = sizes_section(files | {"other": stack.enter_context(open_results(other))})
    assert [picture.name for picture in alone.pictures] == ["task_size"]
    trend = "layernorm: Spearman's correlation of size and difference is −1.00 over 5 training sets"
    assert f": supported. {trend}" in alone.blocks[0].text
    # the other model's tasks have one size, so it has no part in the figure
    assert with_other.blocks[0].text == "The model of 1, 2, 3, 4 and 5"
    assert [picture.name for picture in with_other.pictures] == ["task_size_1"]


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


def test_all_formats(tmp_path, capsys):
    path = write_file(tmp_path / "small.h5", small_content())
    folder = tmp_path / "out"
    assert main([str(path), "-o", str(folder), "--format", "pdf,latex,netcdf"]) == 0
    endings = {file.suffix for file in folder.iterdir()}
    assert endings == {".pdf", ".tex", ".nc"}
    scores = (folder / "scores.tex").read_text(encoding="utf-8")
    assert r"full & 56.0 $\pm$ 5.7 $\approx$ & 68.0 $\pm$ 2.8 & 62.0 \\" in scores
    assert (
        b"/TrueType" in (folder / "scores.pdf").read_bytes()
        or b"/CIDFontType2" in (folder / "scores.pdf").read_bytes()
    )


def test_netcdf_holds_the_maps(tmp_path):
    import xarray as xr

    path = write_file(tmp_path / "small.h5", small_content())
    assert main([str(path), "-o", str(tmp_path / "out"), "--format", "netcdf"]) == 0
    with xr.open_dataset(tmp_path / "out" / "change_by_task.nc", engine="h5netcdf") as maps:
        cell = maps["mean_abs"].sel(task="RTE", layer="0", component="output.LayerNorm.weight")
        assert cell.item() == 10.5
        assert (
            maps["mean_abs"].attrs["long_name"] == "mean absolute change"
        )  # what xarray labels its plots with
