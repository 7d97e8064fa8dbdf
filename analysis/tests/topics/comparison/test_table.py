from tunescope_analysis import open_results
from tunescope_analysis.topics.comparison.table import gaps_of_files, side_by_side


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
