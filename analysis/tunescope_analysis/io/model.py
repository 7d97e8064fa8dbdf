"""Which pre-trained model a file is of."""

import configparser
import contextlib
from pathlib import PurePosixPath

from tunescope_analysis.io.results import Results

MODELS = {  # by architecture, layers, hidden size, vocabulary
    ("BERT", 12, 768, 28_996): "bert-base-cased",
    ("BERT", 12, 768, 30_522): "bert-base-uncased",
    ("BERT", 24, 1024, 28_996): "bert-large-cased",
    ("BERT", 24, 1024, 30_522): "bert-large-uncased",
    ("RoBERTa", 12, 768, 50_265): "roberta-base",
    ("RoBERTa", 24, 1024, 50_265): "roberta-large",
}


def model_folder(results: Results) -> str:
    """The model's folder as the job names it; empty if it names none."""
    job = configparser.ConfigParser(interpolation=None, strict=False, inline_comment_prefixes=("#",))
    with contextlib.suppress(configparser.Error):
        job.read_string(f"[job]\n{results.attributes.job}")
    return str(job.get("model", "path", fallback=""))


def model_shape(results: Results) -> tuple[int, int, int] | None:
    """Layers, hidden size and vocabulary, by the tensors that the maps have; None without such maps.

    Where embeddings are narrower than hidden states, as in a small ELECTRA, the vocabulary counts too few.
    """
    group = next((name for name in ("change", "fisher") if name in results.groups), None)
    if group is None:
        return None
    size = results.dataset(group)["size"].load()
    tensors = ("output.LayerNorm.weight", "word_embeddings.weight")
    if not all(name in size["component"] for name in tensors):
        return None
    hidden, words = (int(size.sel(component=name).max()) for name in tensors)
    layers = sum(str(layer).isdigit() for layer in size["layer"].values)
    return (layers, hidden, words // hidden) if hidden else None


def model_name(results: Results) -> str:
    """The known model of that architecture and shape; without maps, the last part of the folder's name."""
    shape = model_shape(results)
    if shape is None:
        return PurePosixPath(model_folder(results)).name
    return MODELS.get((results.attributes.architecture, *shape), "")
