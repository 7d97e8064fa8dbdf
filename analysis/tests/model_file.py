"""Files of models of a given shape, with trials as the published comparison needs them."""

import numpy as np
from make_file import Content, write_file
from make_sample import COMPONENTS, bert_sizes


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
