"""Published figures stand beside ours only if the model is the same."""

import numpy as np
from make_file import Content, write_file
from make_sample import COMPONENTS, bert_sizes
from reading import words

from tunescope_analysis import open_results
from tunescope_analysis.report.section import Section
from tunescope_analysis.topics.published.section import add_published


def write_model(path, layers, hidden, words, trials=(), job=""):
    """A file whose maps have the tensors of such a BERT."""
    labels = ["embeddings", *map(str, range(layers)), "pooler", "head"]
    size = bert_sizes(layers, hidden, words)
    change = {"mean_abs": np.full((len(trials), *size.shape), 1e-3)}
    content = Content(list(trials), layers=labels, components=COMPONENTS, size=size, change=change)
    content.attributes = {"job": job}
    return write_file(path, content)


def trained(task, metric, score, seed, method="full", trainable=0):
    return {"task": task, "metric": metric, "score": score, "seed": seed, "method": method,
            "trainable_parameters": trainable, "total_parameters": 333_581_314}  # fmt: skip


def test_another_model_is_told_for_which_there_are_figures(tmp_path):
    trials = [trained("RTE", "accuracy", 0.7, 1)]
    with open_results(write_model(tmp_path / "a.h5", 6, 384, 30_522, trials)) as file:
        section = Section("scores", "Scores")
        add_published(section, file)
    assert section.tables == []
    assert (
        "No published figures apply to this model; they are on record for bert-base-cased, bert-large-cased"
        in words(section)
    )
