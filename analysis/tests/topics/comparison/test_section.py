from contextlib import ExitStack

from make_file import Content, write_file
from make_sample import three_tasks
from small_sweep import trial

from tunescope_analysis import open_results
from tunescope_analysis.topics.comparison.section import side_by_side_section, sizes_section


def test_sizes_of_several_files_are_judged_together_for_each_model(tmp_path):
    """Five sweeps of one task, each of another `train_examples`, and one of another model."""

    def sweep(name, size, gap):
        rows = [
            trial("RTE", "full", 1e-5, seed, 0.8 - 0.001 * seed - lag)
            | {"method": method, "train_examples": size}
            for seed in (1, 2)
            for method, lag in (("full", 0.0), ("layernorm", gap))
        ]
        job = {"job": "[model]\npath = models/one\n"}
        return write_file(tmp_path / f"{name}.h5", Content(rows, attributes=job))

    with ExitStack() as stack:
        files = {
            str(size): stack.enter_context(open_results(sweep(size, 100 * size, 0.01 * size)))
            for size in range(1, 6)
        }
        alone = sizes_section(files)
        other = write_file(tmp_path / "other.h5", three_tasks())
        with_other = sizes_section(files | {"other": stack.enter_context(open_results(other))})
    assert [picture.name for picture in alone.pictures] == ["task_size"]
    assert alone.pictures[0].png
    trend = "layernorm: Spearman's correlation of size and difference is −1.00 over 5 training sets"
    assert f": supported. {trend}" in alone.blocks[0].text
    # the other model's tasks have one size, so it has no part in the figure
    assert with_other.blocks[0].text == "The model of 1, 2, 3, 4 and 5"
    assert [picture.name for picture in with_other.pictures] == ["task_size_1"]


def test_scores_of_files_stand_side_by_side(write, small_file):
    other = write([trial("RTE", "full", 1e-5, seed, 0.7) for seed in (1, 2)])
    with open_results(small_file) as first, open_results(other) as second:
        section = side_by_side_section({"a": first.trials, "b": second.trials})
    (table,), (picture,) = section.tables, section.pictures
    assert [heading.text for heading in table.headings] == ["Method", "File", "CoLA", "RTE"]
    assert [[cell.text for cell in row] for row in table.rows[:2]] == [
        ["full", "a", "56.0", "68.0"],
        ["full", "b", "–", "70.0"],
    ]
    assert picture.png
