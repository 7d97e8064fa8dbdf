import pytest
from make_file import Content, write_file
from small_sweep import trial

from tunescope_analysis import open_results
from tunescope_analysis.topics.comparison.table import gaps_of_files, side_by_side


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
