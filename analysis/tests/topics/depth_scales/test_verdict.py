import numpy as np
import pytest
from make_file import write_file
from make_sample import three_tasks

from tunescope_analysis import open_results
from tunescope_analysis.report.claims import Ruling
from tunescope_analysis.topics.fisher.section import fisher_section


def verdict_of(section):
    return {verdict.claim.key: verdict for verdict in section.verdicts}.get("depth-reason")


@pytest.mark.parametrize(
    ("changed", "factor", "ruling"),
    [
        ("hidden_rms", 1.0, Ruling.SUPPORTED),
        (
            "feed_forward_branch_gradient_rms",
            10.0,
            Ruling.NOT_SUPPORTED,
        ),  # LayerNorm has the smaller gradient
        (
            "hidden_gradient_rms",
            np.array([1.0, 9, 7, 5, 3, 2, 0.5, 1, 1]),
            Ruling.NOT_SUPPORTED,
        ),  # falls with depth
    ],
)
def test_the_verdict_needs_both_depth_and_layernorm(tmp_path, changed, factor, ruling):
    content = three_tasks()
    content.scales[changed] = content.scales[changed] * factor
    with open_results(write_file(tmp_path / "other.h5", content)) as results:
        verdict = verdict_of(fisher_section(results))
    assert verdict.ruling == ruling
    assert verdict.figure == "gradient_depth"


def test_later_layers_that_do_not_stand_out_need_no_reason(tmp_path):
    content = three_tasks()
    for name in ("mean", "sum"):
        content.fisher[name][:, 1:7] = content.fisher[name][:, 6:0:-1]
    with open_results(write_file(tmp_path / "other.h5", content)) as results:
        verdict = verdict_of(fisher_section(results))
    assert verdict.ruling == Ruling.NOT_DECIDABLE
    assert "nothing to explain" in verdict.reason


def test_layernorm_alone_measured_has_not_the_largest_fisher_information(tmp_path):
    """Nothing else could lead: no verdict, and no reason for it either."""
    content = three_tasks()
    others = ["LayerNorm" not in name for name in content.components]
    for name in ("mean", "sum", "max", "share"):
        content.fisher[name][:, :, others] = np.nan
    with open_results(write_file(tmp_path / "other.h5", content)) as results:
        section = fisher_section(results)
    rulings = {verdict.claim.key: verdict for verdict in section.verdicts}
    assert rulings["fisher-largest"].ruling == Ruling.NOT_DECIDABLE
    assert "there is no number on every task" in rulings["fisher-largest"].reason
    assert rulings["depth-reason"].ruling == Ruling.NOT_DECIDABLE
