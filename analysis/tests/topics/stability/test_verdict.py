import pandas as pd
import pytest

from tunescope_analysis.report.claims import Ruling
from tunescope_analysis.topics.stability.verdict import stability_verdict


@pytest.mark.parametrize(
    ("spearman", "ruling"),
    [
        ({"batch_size": 0.95, "examples": 0.92, "point": 0.9}, Ruling.SUPPORTED),
        ({"batch_size": 0.95, "examples": 0.92, "point": 0.3}, Ruling.NOT_SUPPORTED),
        ({"batch_size": 0.95, "examples": 0.92}, Ruling.NOT_DECIDABLE),
        ({"batch_size": 0.3}, Ruling.NOT_SUPPORTED),
    ],
)
def test_the_ranking_is_stable_where_every_setting_leaves_it(spearman, ruling):
    rows = [
        {"level": "scalar", "task": task, "differs": name, "value": "2", "reference": "1", "spearman": rho,
         "jaccard": rho}
        for name, rho in spearman.items() for task in ("RTE", "CoLA")
    ]  # fmt: skip
    verdict = stability_verdict(pd.DataFrame(rows))
    assert verdict.ruling == ruling
    assert ("Not tried: point in training." in verdict.reason) == (ruling == Ruling.NOT_DECIDABLE)
