import numpy as np
import pandas as pd
import pytest
from model_file import trained, write_model

from tunescope_analysis import open_results
from tunescope_analysis.report.labels import METRICS
from tunescope_analysis.topics.published.table import (
    GLUE_EXAMPLES,
    SHARE_FIGURES,
    comparable_figures,
    is_same_method,
    on_published_split,
    published_figures,
    published_table,
    tasks_on_other_splits,
)

BERT_BASE, BERT_LARGE = (12, 768, 28_996), (24, 1024, 28_996)


def whole(task, metric, score, seed, method="full", **more):
    """A trial on all of GLUE's examples of a task."""
    training, dev = GLUE_EXAMPLES[task]
    return (
        trained(task, metric, score, seed, method) | {"train_examples": training, "dev_examples": dev} | more
    )


def table_of(path, shape, trials):
    with open_results(write_model(path, *shape, trials)) as file:
        return published_table(file), tasks_on_other_splits(file)


def test_scores_stand_beside_published_ones_of_the_same_metric(tmp_path):
    trials = [
        whole("RTE", "accuracy", 0.64, 1),
        whole("RTE", "accuracy", 0.66, 2),
        whole("MRPC", "f1", 0.90, 1),
    ]
    table, elsewhere = table_of(tmp_path / "a.h5", BERT_BASE, trials)
    table = table.set_index(["task", "figure"])
    assert list(table.index) == [("MRPC", "f1"), ("RTE", "accuracy")]  # MRPC's accuracy is not in the file
    assert table.loc[("RTE", "accuracy"), "ours"] == pytest.approx(0.65)
    assert table.loc[("RTE", "accuracy"), "standard_deviation"] == pytest.approx(0.02 / np.sqrt(2))
    assert table.loc[("RTE", "accuracy"), "published"] == pytest.approx(0.6570)
    assert table.loc[("RTE", "accuracy"), "mark"] == "read in the source"
    assert elsewhere == []


@pytest.mark.parametrize(
    "other",
    [
        {"selection": "half-dev", "selection_score": 0.6, "dev_examples": 139},
        {"selection": "train:0.1", "selection_score": 0.6, "train_examples": 2_241},
        {"dev_examples": 100},
        {"train_examples": 400},
    ],
)
def test_scores_of_another_split_stand_beside_nothing(tmp_path, other):
    trials = [whole("RTE", "accuracy", 0.64, 1) | other, whole("CoLA", "matthews", 0.55, 1)]
    table, elsewhere = table_of(tmp_path / "a.h5", BERT_BASE, trials)
    assert table["task"].tolist() == ["CoLA"]
    assert elsewhere == ["RTE"]


def test_a_file_that_does_not_count_its_examples_has_no_published_split():
    trials = pd.DataFrame({"task": ["RTE"], "selection": ["dev"]})
    assert on_published_split(trials).tolist() == [False]


def test_scores_of_the_test_server_and_of_other_set_ups_are_on_record_and_stand_beside_nothing():
    figures, comparable = published_figures(), comparable_figures()
    of_test = figures[figures["split"] == "test"]
    assert set(of_test["method"]) == {
        "full", "adapter:placement=houlsby", "adapter:placement=houlsby,size=64",
    }  # fmt: skip
    assert not set(of_test.index) & set(comparable.index)
    lora = comparable[comparable["model"].str.startswith("roberta")]
    first = lora[~lora["source"].str.contains("Houlsby")]
    assert not set(first["task"]) & {"MRPC", "RTE", "STS-B"}  # which start from a model trained on MNLI


def test_bitfits_scores_of_bert_large_stand_beside_ours(tmp_path):
    trials = [whole("RTE", "accuracy", 0.72, 1, "bitfit"), whole("RTE", "accuracy", 0.70, 1)]
    table, _ = table_of(tmp_path / "a.h5", BERT_LARGE, trials)
    scores = table[table["task"] == "RTE"].set_index("method")
    assert scores["printed"].to_dict() == {"bitfit": "73.2", "full": "71.9"}
    assert set(scores["mark"]) == {"second-hand"}


def test_our_shares_of_bert_large_print_as_the_papers_do(tmp_path):
    head = 2050
    sizes = {"layernorm-output": 49_152, "layernorm": 100_352, "bitfit": 272_384}
    trials = [trained("RTE", "accuracy", 0.7, 1, method, size + head) for method, size in sizes.items()]
    table, _ = table_of(tmp_path / "a.h5", BERT_LARGE, trials)
    shares = table[table["figure"].isin(SHARE_FIGURES)]
    assert set(shares["method"]) == set(sizes)
    for row in shares.itertuples():
        decimals = len(row.printed.split(".")[1])
        assert f"{100 * row.ours:.{decimals}f}" == row.printed
    sources = shares.set_index("method")["source"]
    assert "2403.20284" in sources["layernorm-output"]
    assert "2211.08682" in sources["layernorm"]


def test_a_published_method_stands_for_any_value_of_an_option_that_it_does_not_name():
    ours = "lora:alpha=16,dropout=0,rank=8,scaling=lora,targets=query+value"
    assert is_same_method(ours, "lora:rank=8,targets=query+value")
    assert not is_same_method(ours, "lora:rank=4")
    assert not is_same_method("layernorm-output", "layernorm")
    assert not is_same_method("bitfit+layernorm", "bitfit")


def test_the_record_is_well_formed():
    figures = published_figures()
    is_share = figures["figure"].isin(SHARE_FIGURES)
    # MNLI's accuracy on both dev sets together is a metric that no file of ours has
    assert set(figures["figure"]) <= {*METRICS, *SHARE_FIGURES, "accuracy_both"}
    assert figures["source"].str.len().min() > 0
    assert set(figures["mark"]) == {"read in the source", "second-hand"}
    assert figures["printed"].astype(float).between(0, 100).all()
    assert not figures.duplicated(["model", "method", "task", "figure", "split", "source"]).any()
    assert ((figures["task"] == "") == is_share).all()
    assert ((figures["split"] == "") == is_share).all()
    assert set(figures["split"]) == {"dev", "test", ""}
    assert set(figures["task"]) <= {*GLUE_EXAMPLES, ""}


HU = "Hu et al. 2021, arXiv 2106.09685, table 2"
AS_HOULSBY = f"{HU}, set up as Houlsby et al."
LORA = "lora:rank=8,targets=query+value"


@pytest.mark.parametrize(
    ("model", "method", "source", "mean"),
    [
        ("bert-large-cased", "bitfit", "Ben Zaken et al. 2022, arXiv 2106.10199, table 1", 84.2),
        ("roberta-base", "full", HU, 86.4),
        ("roberta-base", "bitfit", HU, 85.2),
        ("roberta-base", "adapterdrop", HU, 85.4),
        ("roberta-base", LORA, HU, 87.2),
        ("roberta-large", "full", HU, 88.9),
        ("roberta-large", LORA, HU, 89.0),
        ("roberta-large", LORA, AS_HOULSBY, 88.6),
        ("roberta-large", "adapter:placement=pfeiffer,size=16", AS_HOULSBY, 87.9),
        ("roberta-large", "adapter:placement=houlsby,size=8", AS_HOULSBY, 86.4),
    ],
)
def test_the_cells_of_a_row_have_the_mean_that_its_source_prints(model, method, source, mean):
    """A check against slips of the pen."""
    figures = published_figures()
    is_row = (figures["model"] == model) & (figures["method"] == method) & (figures["source"] == source)
    assert figures.loc[is_row & (figures["task"] != ""), "printed"].astype(float).mean() == pytest.approx(
        mean, abs=0.051
    )
