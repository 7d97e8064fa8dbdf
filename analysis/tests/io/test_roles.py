import numpy as np
import pytest
from make_file import write_file
from make_models import model_sample
from make_sample import three_tasks

from tunescope_analysis import open_results
from tunescope_analysis.io.roles import component_of, is_pre_norm
from tunescope_analysis.io.vocabulary import has_no_gradient, is_layernorm


@pytest.fixture
def bert(tmp_path):
    with open_results(write_file(tmp_path / "bert.h5", three_tasks())) as results:
        yield results


@pytest.fixture
def of(tmp_path):
    """Open the same numbers as a file of another architecture."""
    opened = []

    def open_as(architecture):
        path = write_file(tmp_path / f"{architecture}.h5", model_sample(architecture))
        opened.append(open_results(path))
        return opened[-1]

    yield open_as
    for results in opened:
        results.close()


@pytest.mark.parametrize("architecture", ["BERT", "RoBERTa", "DistilBERT"])
def test_the_same_tensors_have_the_same_names_in_each_architecture(bert, of, architecture):
    other = of(architecture)
    for group, maps in (("change", ("mean_abs", "size")), ("fisher", ("mean", "share", "size"))):
        for name in maps:
            expected, found = bert.dataset(group)[name], other.dataset(group)[name]
            shared = [
                component for component in expected["component"].values if component in found["component"]
            ]
            assert len(shared) >= len(expected["component"]) - 2  # DistilBERT has no pooler
            np.testing.assert_array_equal(found.sel(component=shared), expected.sel(component=shared))
    assert "role" not in other.change


def test_a_key_bias_with_a_gradient_is_another_component(bert, of):
    deberta = of("DeBERTa-v2").change
    names = [str(name) for name in deberta["component"].values]
    assert "attention.self.key.bias.with_gradient" in names
    assert not any(map(has_no_gradient, names))
    assert any(map(has_no_gradient, map(str, bert.change["component"].values)))


def test_layernorms_of_gpt2_are_named_by_what_they_come_after(bert, of):
    gpt2 = of("GPT-2")
    for group, name in (("change", "mean_abs"), ("fisher", "mean")):
        found, expected = gpt2.dataset(group)[name], bert.dataset(group)[name]
        for part in ("weight", "bias"):
            after = found.sel(component=f"output.LayerNorm.{part}")
            before = expected.sel(component=f"output.LayerNorm.{part}")
            np.testing.assert_array_equal(after.sel(layer=["1", "2", "3", "4", "5", "final"]),
                                          before.sel(layer=["0", "1", "2", "3", "4", "5"]))  # fmt: skip
            assert after.sel(layer=["embeddings", "0", "head"]).isnull().all()
            first = found.sel(component=f"LayerNorm.{part}")
            of_bert = expected.sel(component=f"LayerNorm.{part}", layer="embeddings")
            np.testing.assert_array_equal(first.sel(layer="0"), of_bert)
            assert first.drop_sel(layer="0").isnull().all()
            attention = f"attention.output.LayerNorm.{part}"
            numbered = ["0", "1", "2", "3", "4", "5"]
            np.testing.assert_array_equal(found.sel(component=attention, layer=numbered),
                                          expected.sel(component=attention, layer=numbered))  # fmt: skip
    names = [str(name) for name in gpt2.change["component"].values]
    assert sum(map(is_layernorm, names)) == 6
    assert not [name for name in names if "ln_" in name]
    assert int(gpt2.change["size"].sum()) == int((gpt2.fisher["size"]).sum())
    assert names.index("LayerNorm.weight") < names.index("attention.self.query_key_value.weight")


def test_one_trial_of_renamed_maps_is_read_alone(of):
    values = of("GPT-2").change["mean_abs"]
    np.testing.assert_array_equal(values.isel(trial=2).load(), values.load().isel(trial=2))


def test_only_blocks_that_begin_with_a_layernorm_are_pre_norm(bert, of):
    assert not is_pre_norm(bert.change["size"])
    assert not is_pre_norm(of("DistilBERT").change["size"])
    assert is_pre_norm(of("GPT-2").change["size"])


@pytest.mark.parametrize(
    ("role", "component", "layer", "name"),
    [
        ("norm.after_feed_forward.bias", "ln_1.bias", "3", "output.LayerNorm.bias"),
        ("norm.other.weight", "LayerNorm.weight", "relative", "relative.LayerNorm.weight"),
        ("embeddings.relative", "rel_embeddings.weight", "relative", "relative_embeddings.weight"),
        ("head.score.weight", "score.weight", "head", "score.weight"),
        ("other.weight", "mixer.gate.weight", "2", "mixer.gate.weight"),
    ],
)
def test_a_role_that_bert_lacks_keeps_its_own_name(role, component, layer, name):
    assert component_of(role, component, layer) == name


def test_an_earlier_file_is_of_a_bert(bert):
    assert bert.attributes.architecture == "BERT"


def test_a_file_that_does_not_say_its_architecture_is_of_none(tmp_path):
    content = model_sample("BERT")
    del content.attributes["architecture"]
    with open_results(write_file(tmp_path / "a.h5", content)) as results:
        assert results.attributes.architecture == ""
