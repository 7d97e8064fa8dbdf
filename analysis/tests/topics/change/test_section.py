import numpy as np
import pytest
from make_file import write_file
from make_sample import COMPONENTS, three_tasks
from reading import words

from tunescope_analysis import open_results
from tunescope_analysis.report.claims import Ruling
from tunescope_analysis.topics.change.section import change_section


def section_of(path, content):
    with open_results(write_file(path, content)) as results:
        return change_section(results)


@pytest.mark.parametrize(
    ("factors", "ruling"),
    [
        ((10, 10, 10), Ruling.SUPPORTED),
        ((1 / 10, 1 / 10, 1 / 10), Ruling.NOT_SUPPORTED),
        ((1 / 2, 1, 2), Ruling.NOT_DECIDABLE),
    ],
)
def test_a_bias_of_output_layernorm_is_set_against_a_weight(tmp_path, factors, ruling):
    content = three_tasks()
    by_task = dict(zip(("CoLA", "MRPC", "RTE"), factors, strict=True))
    scale = np.array([[by_task[own["task"]]] for own in content.trials])
    content.change["mean_abs"][..., COMPONENTS.index("output.LayerNorm.bias")] *= scale
    section = section_of(tmp_path / "bias.h5", content)
    (verdict,) = [own for own in section.verdicts if own.claim.key == "change-bias"]
    assert verdict.ruling == ruling
    assert verdict.reason in words(section)
    assert verdict.reason.startswith("By mean absolute change a bias of output LayerNorm moved ")


def test_what_another_method_than_full_moved_says_nothing_of_biases(tmp_path):
    content = three_tasks()
    kept = [place for place, own in enumerate(content.trials) if own["method"] != "full"]
    content.trials = [content.trials[place] for place in kept]
    content.change = {name: values[kept] for name, values in content.change.items()}
    content.evaluations = []
    section = section_of(tmp_path / "other.h5", content)
    assert section.verdicts == []
