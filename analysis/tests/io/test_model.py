import pytest
from model_file import trained, write_model

from tunescope_analysis import open_results
from tunescope_analysis.io.model import model_name, model_shape


@pytest.mark.parametrize(
    ("shape", "name"),
    [
        ((12, 768, 28_996), "bert-base-cased"),
        ((12, 768, 30_522), "bert-base-uncased"),
        ((24, 1024, 28_996), "bert-large-cased"),
        ((24, 1024, 30_522), "bert-large-uncased"),
        ((6, 384, 30_522), ""),
    ],
)
def test_a_model_is_known_by_its_shape(tmp_path, shape, name):
    with open_results(write_model(tmp_path / "a.h5", *shape, [trained("RTE", "accuracy", 0.7, 1)])) as file:
        assert model_shape(file) == shape
        assert model_name(file) == name


def test_the_shape_overrules_the_folder(tmp_path):
    job = "[model]\npath = models/bert-base-cased\n"
    trials = [trained("RTE", "accuracy", 0.7, 1)]
    with open_results(write_model(tmp_path / "a.h5", 6, 384, 30_522, trials, job)) as file:
        assert model_name(file) == ""


def test_without_maps_the_folder_names_the_model(write):
    job = "name = x\n[model]\npath = models/bert-base-cased   # the small one\n"
    with open_results(write([trained("RTE", "accuracy", 0.7, 1)], attributes={"job": job})) as file:
        assert model_name(file) == "bert-base-cased"
