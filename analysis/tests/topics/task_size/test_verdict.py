import pytest
from small_sweep import sizes_sweep

from tunescope_analysis import open_results
from tunescope_analysis.report.claims import Claim, Ruling
from tunescope_analysis.topics.task_size.section import task_size_section


@pytest.mark.parametrize(
    ("gaps", "ruling"),
    [
        ([0.00, 0.01, 0.02, 0.03, 0.04], Ruling.SUPPORTED),
        ([0.04, 0.03, 0.02, 0.01, 0.00], Ruling.NOT_SUPPORTED),
        ([0.01, 0.03, 0.00, 0.02, 0.01], Ruling.NOT_DECIDABLE),
    ],
)
def test_a_gap_that_grows_with_size_is_judged_by_its_trend(write, gaps, ruling):
    with open_results(write(sizes_sweep(gaps))) as results:
        (verdict,) = task_size_section(results).verdicts
    assert (verdict.claim, verdict.ruling) == (Claim.TASK_SIZE, ruling)
