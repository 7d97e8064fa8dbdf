from tunescope_analysis import open_results
from tunescope_analysis.report.blocks import Paragraph
from tunescope_analysis.topics.depth_scales.section import scale_sentence
from tunescope_analysis.topics.depth_scales.table import SCALE_PLACES, scale_profile, scale_table
from tunescope_analysis.topics.fisher.section import fisher_section


def verdict_of(section):
    return {verdict.claim.key: verdict for verdict in section.verdicts}.get("depth-reason")


def test_says_what_the_profiles_show(sample):
    assert scale_sentence(scale_table(sample.fisher)) == (
        "The hidden state's gradient is larger in the last layer than in the first on 8 of 8 tasks (2.00 "
        "times, median). Spearman's correlation over layers of LayerNorm's Fisher information is 1.00 with "
        "this gradient and −1.00 with the hidden state's own scale (medians over tasks). Output LayerNorm "
        "gets 2.00 times the gradient that it passes on to the feed-forward network below (median over "
        "layers and tasks)."
    )


def test_runs_without_scales_say_what_to_run(fisher_file):
    with open_results(fisher_file) as results:
        assert scale_profile(results.fisher).size == 0
        section = fisher_section(results)
    notes = [block.text for block in section.blocks if isinstance(block, Paragraph) and block.is_note]
    assert any("run `tunescope fisher JOB` again" in note for note in notes)
    assert verdict_of(section) is None


def test_the_part_has_figures_and_their_numbers(sample):
    section = fisher_section(sample)
    assert {"gradient_depth", "activation_depth"} <= {picture.name for picture in section.pictures}
    (table,) = [table for table in section.tables if table.name == "depth_scales"]
    assert set(table.frame["part"]) == set(SCALE_PLACES.values())
    assert section.datasets["depth_scales"]["rms"].attrs["units"] == "1"
