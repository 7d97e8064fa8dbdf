import numpy as np
import pandas as pd
import pytest
from conftest import COMPONENTS, LAYERS, SIZE, fisher_fields, fisher_of, small_content, trial
from make_file import write_file
from make_sample import SAMPLES, TASKS
from matplotlib.backends.backend_agg import FigureCanvasAgg

from tunescope_analysis import open_results
from tunescope_analysis.io.tensor_maps import numbered_layers
from tunescope_analysis.report.blocks import Paragraph
from tunescope_analysis.report.claims import Ruling
from tunescope_analysis.report.drawing.panel_grid import PAGE_WIDTH
from tunescope_analysis.topics.fisher.figure import fisher_figure
from tunescope_analysis.topics.fisher.section import fisher_section
from tunescope_analysis.topics.fisher.table import find_fisher_leaders, fisher_by_task
from tunescope_analysis.topics.fisher_change.figure import fisher_change_figure, kind_of
from tunescope_analysis.topics.fisher_change.section import correlation_sentence, fisher_change_section
from tunescope_analysis.topics.fisher_change.table import fisher_and_change
from tunescope_analysis.topics.fisher_depth.figure import depth_figure
from tunescope_analysis.topics.fisher_depth.section import depth_sentence
from tunescope_analysis.topics.fisher_depth.table import depth_profile
from tunescope_analysis.topics.leaders import encoder_sentence
from tunescope_analysis.topics.stability.figure import stability_figure
from tunescope_analysis.topics.stability.section import stability_section
from tunescope_analysis.topics.stability.table import agreement_with_reference, pair_table
from tunescope_analysis.topics.stability.verdict import weakest_sentence
from tunescope_analysis.topics.subsets.figure import subsets_figure
from tunescope_analysis.topics.subsets.section import subsets_section
from tunescope_analysis.topics.subsets.table import subset_differences


def words(section):
    return " ".join(block.text for block in section.blocks if isinstance(block, Paragraph))


@pytest.fixture
def results(fisher_file):
    with open_results(fisher_file) as opened:
        yield opened


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    with open_results(
        write_file(tmp_path_factory.mktemp("sample") / "sample.h5", SAMPLES["minilm"]())
    ) as opened:
        yield opened


def test_says_which_component_is_first_by_each_normalisation(results):
    text = words(fisher_section(results))
    assert (
        "By Fisher information per scalar, output LayerNorm weight is first (6.00e+01 typical of the tasks), "
        "as in the paper. A LayerNorm tensor leads on 2 of 2 tasks, one of output LayerNorm on 2." in text
    )
    assert "By share of the model's Fisher information, output LayerNorm weight is first (10.6 %" in text


def test_says_that_the_claim_does_not_hold(write):
    maps = fisher_of([1.0])
    maps["mean"][0, 1:3, 2] = 99.0
    fields = {"layers": LAYERS, "components": COMPONENTS, "size": SIZE}
    with open_results(write([], fisher_runs=[{}], fisher=maps, **fields)) as results:
        section = fisher_section(results)
    assert "output dense weight is first (9.90e+01 on RTE), not output LayerNorm as in the paper" in words(
        section
    )
    assert {v.claim.key: v.ruling for v in section.verdicts} == {
        "fisher-largest": Ruling.NOT_DECIDABLE,  # one task is not most tasks
        "fisher-depth": Ruling.NOT_DECIDABLE,  # two layers have no trend
    }


def test_says_which_component_is_first_among_encoder_layers(results):
    maps = fisher_by_task(results.fisher)
    maps.loc[{"component": "word_embeddings.weight"}] = 1e6
    assert encoder_sentence(find_fisher_leaders(numbered_layers(maps), results.fisher["size"])) == (
        "Among the components of encoder layers output LayerNorm weight is first; one of output LayerNorm "
        "leads on 2 of 2 tasks."
    )
    assert encoder_sentence(None) == ""


def test_says_how_sure_the_first_place_is(results):
    assert "It is first in 100 % of 2,000 bootstrap draws of the seeds." in words(fisher_section(results))


def test_says_the_setting_once_where_tasks_share_it(results):
    text = words(fisher_section(results))
    assert "Setting: batch size 1, 1,024 examples, empirical labels, after training by full." in text
    assert "Up to 2 seeds a task." in text


def test_says_whether_later_layers_have_more():
    table = pd.DataFrame(
        {"task": ["a", "b", "a"], "part": ["LayerNorm", "LayerNorm", "all"], "spearman": [0.9, -0.1, np.nan]}
    )
    assert depth_sentence(table) == (
        "In LayerNorm later layers have more Fisher information on 1 of 2 tasks (Spearman of layer and "
        "Fisher information: median 0.40). For all tensors the layers are too few, or all alike, to say."
    )


def test_layers_that_are_too_few_are_told_once(results):
    text = words(fisher_section(results))
    assert text.count("too few") == 1
    assert "The layers are too few, or all alike, to say: 3 are needed." in text


def test_the_table_over_depth_has_a_row_a_task(sample):
    (table,) = [t for t in fisher_section(sample).tables if t.name == "fisher_depth_correlation"]
    assert [heading.text for heading in table.headings] == [
        "Task", "all tensors", "LayerNorm", "output LayerNorm",
    ]  # fmt: skip
    assert [row[0].text for row in table.rows] == list(TASKS)


def test_verdicts_of_the_sample_name_their_figures(sample):
    section = fisher_section(sample)
    assert {v.claim.key: v.ruling for v in section.verdicts} == {
        "fisher-largest": Ruling.SUPPORTED,
        "fisher-depth": Ruling.SUPPORTED,
        "depth-reason": Ruling.SUPPORTED,
    }
    names = {picture.name for picture in section.pictures}
    assert {v.figure for v in section.verdicts} <= names


@pytest.mark.parametrize("build", [fisher_section, fisher_change_section, stability_section, subsets_section])
def test_a_file_without_data_says_what_to_run(small_file, build):
    with open_results(small_file) as results:
        section = build(results)
    assert section.pictures == []
    assert "Run " in words(section)
    assert "tunescope fisher JOB" in words(section) or "fisher:" in words(section)


def test_fisher_of_one_task_and_change_of_another_do_not_meet(write):
    values = np.where(SIZE > 0, 1.0, np.nan)[None]
    path = write([trial("CoLA", "full", 1e-5, 1, 0.5)], layers=LAYERS, components=COMPONENTS, size=SIZE,
                 change={"rms": values}, fisher_runs=[{"task": "RTE"}], fisher=fisher_of([1.0]))  # fmt: skip
    with open_results(path) as results:
        assert "No task has both" in words(fisher_change_section(results))


def test_correlation_is_given_as_a_range():
    table = pd.DataFrame({"task": ["a", "b"], "measure": "rms", "spearman": [0.5, 0.75]})
    assert correlation_sentence(table, "rms").endswith("is 0.50 to 0.75 over 2 tasks, median 0.62.")
    assert correlation_sentence(table.head(1), "rms").endswith("is 0.50.")
    assert "not defined" in correlation_sentence(table.head(0), "rms")


def test_one_run_says_what_to_run(write):
    fields = {"layers": LAYERS, "components": COMPONENTS, "size": SIZE}
    with open_results(write([], fisher_runs=[{}], fisher=fisher_of([1.0]), **fields)) as results:
        assert "jobs/fisher-robustness.cfg" in words(stability_section(results))


def test_runs_that_differ_in_several_settings_are_listed_but_not_drawn(write):
    fields = {"layers": LAYERS, "components": COMPONENTS, "size": SIZE}
    runs = [{}, {"batch_size": 8, "seed": 2}]
    with open_results(write([], fisher_runs=runs, fisher=fisher_of([1.0, 2.0]), **fields)) as results:
        section = stability_section(results)
    assert section.pictures == []
    assert "No two runs differ in one setting alone" in words(section)


def test_names_the_setting_that_agrees_least(results):
    against = agreement_with_reference(pair_table(results), results.fisher)
    assert weakest_sentence(against, "scalar") == (
        "Least like the reference: batch size 8 in place of 1 on RTE (Spearman −1.00, Jaccard 0.00). "
        "Two seeds agree to 0.80 (mean over tasks)."
    )
    assert [v.ruling for v in stability_section(results).verdicts] == [Ruling.NOT_SUPPORTED]


def test_zero_on_a_log_axis_is_counted(results):
    frame = fisher_and_change(results.fisher, results.change, results.trials)
    frame.loc[frame["component"] == "output.dense.weight", "fisher"] = 0.0
    figure = fisher_change_figure(frame)
    assert [text.get_text() for axes in figure.axes for text in axes.texts] == ["2 at zero not drawn"] * 2


@pytest.mark.parametrize(
    ("component", "kind"),
    [
        ("output.LayerNorm.bias", "output LayerNorm"),
        ("attention.output.LayerNorm.weight", "other LayerNorm"),
        ("output.dense.bias", "other bias"),
        ("word_embeddings.weight", "other weight"),
    ],
)
def test_kinds_of_tensors(component, kind):
    assert kind_of(component) == kind


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
        renderer = FigureCanvasAgg(figure).get_renderer()
        figure.draw(renderer)
        assert figure.get_figwidth() <= PAGE_WIDTH
        for axes in figure.axes:
            for axis in (axes.xaxis, axes.yaxis):
                box = axis.get_tightbbox(renderer)
                assert box is None or (box.x0 >= 0 and box.y0 >= 0 and box.x1 <= figure.bbox.x1)


def test_cells_that_were_not_measured_are_left_empty(tmp_path):
    fields = fisher_fields()
    fields["fisher"]["mean"][:, 1:3, 2] = np.nan
    fields["fisher"]["sum"][:, 1:3, 2] = np.nan
    path = write_file(tmp_path / "partial.h5", small_content(**fields))
    with open_results(path) as results:
        assert fisher_by_task(results.fisher).sel(component="output.dense.weight").isnull().all()
        assert depth_profile(results.fisher).sel(task="RTE", part="all").values.tolist() == [15, 25]
        assert fisher_section(results).pictures
