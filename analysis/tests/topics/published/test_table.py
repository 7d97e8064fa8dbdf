import numpy as np
import pytest
from model_file import trained, write_model

from tunescope_analysis import open_results
from tunescope_analysis.report.labels import METRICS
from tunescope_analysis.topics.published.table import SHARE_FIGURE, published_figures, published_table


def test_scores_stand_beside_published_ones_of_the_same_metric(tmp_path):
    trials = [trained("RTE", "accuracy", 0.64, 1), trained("RTE", "accuracy", 0.66, 2),
              trained("MRPC", "f1", 0.90, 1)]  # fmt: skip
    with open_results(write_model(tmp_path / "a.h5", 12, 768, 28_996, trials)) as file:
        table = published_table(file).set_index(["task", "figure"])
    assert list(table.index) == [("MRPC", "f1"), ("RTE", "accuracy")]  # MRPC's accuracy is not in the file
    assert table.loc[("RTE", "accuracy"), "ours"] == pytest.approx(0.65)
    assert table.loc[("RTE", "accuracy"), "standard_deviation"] == pytest.approx(0.02 / np.sqrt(2))
    assert table.loc[("RTE", "accuracy"), "published"] == pytest.approx(0.6570)


def test_our_shares_of_bert_large_print_as_the_papers_do(tmp_path):
    head = 2050
    sizes = {"layernorm-output": 49_152, "layernorm": 100_352, "bitfit": 272_384}
    trials = [trained("RTE", "accuracy", 0.7, 1, method, size + head) for method, size in sizes.items()]
    with open_results(write_model(tmp_path / "a.h5", 24, 1024, 28_996, trials)) as file:
        table = published_table(file)
    assert set(table["method"]) == set(sizes)
    for row in table.itertuples():
        decimals = len(row.printed.split(".")[1])
        assert f"{100 * row.ours:.{decimals}f}" == row.printed


def test_the_record_is_well_formed():
    figures = published_figures()
    assert set(figures["figure"]) <= {*METRICS, SHARE_FIGURE}
    assert figures["source"].str.len().min() > 0
    assert figures["printed"].astype(float).between(0, 100).all()
    assert not figures.duplicated(["model", "method", "task", "figure"]).any()
    assert ((figures["task"] == "") == (figures["figure"] == SHARE_FIGURE)).all()
