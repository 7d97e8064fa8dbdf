import numpy as np
import pytest
from make_file import Content, write_file
from small_sweep import trial

from tunescope_analysis import open_results
from tunescope_analysis.topics.difference.section import moved_sentence
from tunescope_analysis.topics.difference.table import Movement, moved_scores


def write(path, trials):
    return write_file(path, Content(trials))


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
