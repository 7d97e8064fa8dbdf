import pytest
from drawn import draw_within_page
from reading import words

from tunescope_analysis import open_results
from tunescope_analysis.topics.fisher.figure import fisher_figure
from tunescope_analysis.topics.fisher.section import fisher_section
from tunescope_analysis.topics.fisher.table import fisher_by_task
from tunescope_analysis.topics.fisher_change.figure import fisher_change_figure
from tunescope_analysis.topics.fisher_change.section import fisher_change_section
from tunescope_analysis.topics.fisher_change.table import fisher_and_change
from tunescope_analysis.topics.fisher_depth.figure import depth_figure
from tunescope_analysis.topics.fisher_depth.table import depth_profile
from tunescope_analysis.topics.stability.figure import stability_figure
from tunescope_analysis.topics.stability.section import stability_section
from tunescope_analysis.topics.stability.table import agreement_with_reference, pair_table
from tunescope_analysis.topics.subsets.figure import subsets_figure
from tunescope_analysis.topics.subsets.section import subsets_section
from tunescope_analysis.topics.subsets.table import subset_differences


def test_no_label_leaves_the_page(sample):
    against = agreement_with_reference(pair_table(sample), sample.fisher)
    figures = [
        fisher_figure(fisher_by_task(sample.fisher)),
        depth_figure(depth_profile(sample.fisher), "Fisher information"),
        fisher_change_figure(fisher_and_change(sample.fisher, sample.change, sample.trials)),
        stability_figure(against, "scalar"),
        stability_figure(against, "tensor"),
        subsets_figure(subset_differences(sample.trials)),
    ]
    for figure in figures:
        draw_within_page(figure)


@pytest.mark.parametrize("build", [fisher_section, fisher_change_section, stability_section, subsets_section])
def test_a_file_without_data_says_what_to_run(small_file, build):
    with open_results(small_file) as results:
        section = build(results)
    assert section.pictures == []
    assert "Run " in words(section)
    assert "tunescope fisher JOB" in words(section) or "fisher:" in words(section)
