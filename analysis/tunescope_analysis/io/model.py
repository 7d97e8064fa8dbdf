"""Which pre-trained model a file is of."""

import configparser
import contextlib
from pathlib import PurePosixPath

from tunescope_analysis.io.results import Results

SHAPES = {
    (12, 768, 28_996): "bert-base-cased",
    (12, 768, 30_522): "bert-base-uncased",
    (24, 1024, 28_996): "bert-large-cased",
    (24, 1024, 30_522): "bert-large-uncased",
}


def model_folder(results: Results) -> str:
    """The model's folder as the job names it; empty if it names none."""
    job = configparser.ConfigParser(interpolation=None, strict=False, inline_comment_prefixes=("#",))
    with contextlib.suppress(configparser.Error):
        job.read_string(f"[job]\n{results.attributes.job}")
    return str(job.get("model", "path", fallback=""))


def model_shape(results: Results) -> tuple[int, int, int] | None:
    """Layers, hidden size and vocabulary, by the tensors that the maps have; None without such maps."""
    group = next((name for name in ("change", "fisher") if name in results.groups), None)
    if group is None:
        return None
    size = results.dataset(group)["size"].load()
    tensors = ("LayerNorm.weight", "word_embeddings.weight")
    if "embeddings" not in size["layer"] or not all(name in size["component"] for name in tensors):
        return None
    hidden, words = (int(size.sel(layer="embeddings", component=name)) for name in tensors)
    layers = sum(str(layer).isdigit() for layer in size["layer"].values)
    return (layers, hidden, words // hidden) if hidden else None


def model_name(results: Results) -> str:
    """The known model of that shape; without maps, the last part of the folder's name."""
    shape = model_shape(results)
    return PurePosixPath(model_folder(results)).name if shape is None else SHAPES.get(shape, "")
