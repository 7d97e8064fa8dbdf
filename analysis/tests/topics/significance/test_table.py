import numpy as np
import pytest
from demsar import DEMSAR
from small_sweep import trial

from tunescope_analysis import open_results
from tunescope_analysis.topics.significance.section import ranked_sentence
from tunescope_analysis.topics.significance.table import against_reference, pairwise_tests, score_matrix


def test_matrix_keeps_methods_with_every_task(small_file):
    with open_results(small_file) as results:
        matrix = score_matrix(results.trials)
    assert matrix.columns.tolist() == ["full", "layernorm"]
    assert matrix.loc["RTE"].tolist() == pytest.approx([0.68, 0.69])


def test_matrix_keeps_the_larger_part_without_holes(write):
    """One unfinished task must not take away the methods that lack it, nor a task without learning count."""
    trials = [
        trial(task, "full", 1e-5, 1, score) | {"method": method}
        for task in ("RTE", "CoLA", "SST-2", "MRPC")
        for method, score in (("full", 0.8), ("layernorm", 0.7), ("bitfit", 0.6), ("head", 0.5))
        if not (task == "MRPC" and method in ("layernorm", "bitfit"))
    ]
    trials += [
        trial("WNLI", "full", 1e-5, 1, 0.56) | {"method": name} for name in ("full", "layernorm", "head")
    ]
    trials.append(trial("WNLI", "bitfit", 1e-3, 1, np.nan, state="failed"))
    with open_results(write(trials)) as results:
        matrix = score_matrix(results.trials)
        sentence = ranked_sentence(results.trials, matrix)
    assert set(matrix.index) == {"RTE", "CoLA", "SST-2"}
    assert set(matrix.columns) == {"full", "layernorm", "bitfit", "head"}
    assert sentence.startswith("Without MRPC and WNLI: ")


def test_every_method_stands_against_full_by_both_units(small_file):
    with open_results(small_file) as results:
        table = against_reference(results.trials)
    assert table[["unit", "method", "pairs"]].values.tolist() == [
        ["task", "layernorm", 2],
        ["task", "bitfit", 1],
        ["task and seed", "layernorm", 3],
        ["task and seed", "bitfit", 1],
    ]
    # RTE has seed 1 in common: 0.69 − 0.70; CoLA both: 0.58 − 0.56
    assert table["mean_difference"].iloc[0] == pytest.approx((-0.01 + 0.02) / 2)
    assert table["smallest_p"].iloc[0] == 0.5


def test_without_the_reference_there_is_nothing_to_compare(write):
    with open_results(write([trial("RTE", "bitfit", 1e-3, 1, 0.6)])) as results:
        assert against_reference(results.trials).empty
    with open_results(write([])) as results:
        assert against_reference(results.trials).empty
        assert score_matrix(results.trials).empty


def test_every_two_methods_are_tested_over_tasks():
    table = pairwise_tests(DEMSAR[["C4.5", "C4.5+m"]])
    # Demšar, table 2: R− = 12 of 14 data sets; one difference is zero there twice (lung cancer, mushroom)
    assert len(table) == 1
    assert table["p"].item() < 0.05
    assert table["holm_p"].item() == table["p"].item()
    assert pairwise_tests(DEMSAR[["C4.5"]]).empty
