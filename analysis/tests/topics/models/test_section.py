from contextlib import ExitStack

import numpy as np
import pytest
from drawn import draw_within_page
from make_file import write_file
from make_models import model_sample
from reading import words

from tunescope_analysis import open_results
from tunescope_analysis.report.claims import Claim, Ruling, Verdict
from tunescope_analysis.report.remedies import PRE_NORM
from tunescope_analysis.topics.change.section import change_section
from tunescope_analysis.topics.depth_scales.table import scale_table
from tunescope_analysis.topics.fisher.section import fisher_section
from tunescope_analysis.topics.models.figure import models_figure
from tunescope_analysis.topics.models.section import models_section
from tunescope_analysis.topics.models.table import component_levels

ARCHITECTURES = ["BERT", "RoBERTa", "DistilBERT", "DeBERTa-v2", "GPT-2"]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The same numbers in a file of each architecture."""
    folder = tmp_path_factory.mktemp("models")
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(open_results(write_file(folder / f"{name}.h5", model_sample(name))))
            for name in ARCHITECTURES
        }


def test_the_same_numbers_have_the_same_levels_in_each_architecture(files):
    table = component_levels(files)
    for quantity in ("change", "fisher"):
        own = table[table["quantity"] == quantity].pivot(index="component", columns="file", values="value")
        for component in ("LayerNorm.weight", "attention.output.LayerNorm.bias", "output.LayerNorm.weight"):
            np.testing.assert_allclose(own.loc[component], own.loc[component, "BERT"], rtol=1e-12)
        assert own.loc["attention.self.query_key_value.weight"].notna().sum() == 1


def test_places_count_from_the_largest_and_values_are_relative_to_it(files):
    table = component_levels(files)
    for _, own in table.groupby(["quantity", "file"]):
        assert sorted(own["place"]) == list(range(1, len(own) + 1))
        ordered = own.sort_values("place")
        assert ordered["relative"].iloc[0] == 1
        assert ordered["value"].is_monotonic_decreasing
        assert ordered["component"].iloc[0] == "output.LayerNorm.weight"
    assert not table["component"].isin(["weight", "bias"]).any()  # the head


def test_no_label_of_the_figure_leaves_the_page(files):
    table = component_levels(files)
    draw_within_page(models_figure(table))
    draw_within_page(models_figure(table[(table["file"] == "GPT-2") & (table["quantity"] == "change")]))


def test_the_section_rules_on_the_claim_and_explains_pre_norm(files):
    verdicts = {name: [Verdict(Claim.CHANGE, Ruling.SUPPORTED, "")] for name in files}
    section = models_section(files, verdicts)
    assert [verdict.ruling for verdict in section.verdicts] == [Ruling.SUPPORTED]
    assert f"Of GPT-2: {PRE_NORM}" in words(section)
    assert [picture.name for picture in section.pictures] == ["models"]


def test_files_of_one_architecture_say_what_to_run(files):
    section = models_section({"a": files["BERT"], "b": files["BERT"]}, {"a": [], "b": []})
    assert section.pictures == [] and section.verdicts == []
    assert "Run `scripts/cross-architecture" in words(section)


def test_a_pre_norm_model_says_so_beside_its_maps(files):
    for build in (change_section, fisher_section):
        assert PRE_NORM in words(build(files["GPT-2"]))
        assert PRE_NORM not in words(build(files["RoBERTa"]))


def test_no_layernorm_of_a_pre_norm_model_passes_a_gradient_on(files):
    assert scale_table(files["GPT-2"].fisher)["passed_on"].isna().all()
    verdict = {verdict.claim: verdict for verdict in fisher_section(files["GPT-2"]).verdicts}[
        Claim.DEPTH_REASON
    ]
    assert verdict.ruling == Ruling.NOT_DECIDABLE
    assert "there is no gradient that output LayerNorm passes on" in verdict.reason
    assert scale_table(files["RoBERTa"].fisher)["passed_on"].notna().all()
