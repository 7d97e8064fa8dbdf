import pytest
from added_sweep import added_content
from make_file import write_file
from reading import words

from tunescope_analysis import open_results
from tunescope_analysis.topics.added.figure import FULL, MERGED, short_names
from tunescope_analysis.topics.change.section import change_section


@pytest.fixture(scope="module")
def section(tmp_path_factory):
    path = write_file(tmp_path_factory.mktemp("added") / "added.h5", added_content())
    with open_results(path) as results:
        section = change_section(results)
        section.pictures[-1].figure  # noqa: B018  the file must be open
        yield section


def test_says_how_much_the_weights_change_beside_full_fine_tuning(section):
    # (0.01 + 0.03) / 2 over (0.5 + 0.6) / 2; ia3's weight moves as in full fine-tuning
    text = words(section)
    assert "By lora:rank=2 the weights that it adds to change 0.036 times as much as by full" in text
    assert "By ia3 the weights that it adds to change 1 times as much" in text
    assert "By adapter" not in text


def test_table_has_a_row_for_each_method_layer_and_kind(section):
    table = next(table for table in section.tables if table.name == "added_summary")
    assert [[cell.text for cell in row[:3]] for row in table.rows] == [
        *(["adapter:size=2", "output dense", kind] for kind in ("D", "U", "d", "u")),
        ["ia3", "output dense", "vector"],
        ["lora:rank=2", "attention query", "A"],
        ["lora:rank=2", "attention query", "B"],
    ]


def test_figure_has_a_panel_for_each_method_and_layer_with_a_line_for_each_tensor(section):
    adapter, ia3, lora = section.pictures[-1].figure.axes
    assert {line.get_label() for line in adapter.lines} == {"D", "d", "U", "u"}
    assert {line.get_label() for line in ia3.lines} == {"vector", MERGED, FULL}
    lines = {line.get_label(): line for line in lora.lines}
    assert set(lines) == {"A", "B", MERGED, FULL}
    assert lines[FULL].get_xdata().tolist() == [0, 1]
    assert lines[FULL].get_ydata().tolist() == pytest.approx([0.5, 0.6])


def test_panels_are_named_by_what_tells_methods_apart(section):
    assert [axes.get_title() for axes in section.pictures[-1].figure.axes] == [
        "adapters\noutput dense",
        "IA3\noutput dense",
        "LoRA\nattention query",
    ]
    names = short_names(["lora:alpha=16,rank=4", "lora:alpha=16,rank=8", "bitfit+lora:alpha=16,rank=8"])
    assert list(names.values()) == ["LoRA rank=4", "LoRA rank=8", "BitFit + LoRA"]
    adapters = [f"adapter:placement=houlsby,size={size}+lora:rank=2" for size in (4, 8)]
    assert list(short_names(adapters).values()) == ["adapters + LoRA size=4", "adapters + LoRA size=8"]


def test_a_file_without_added_tensors_does_not_speak_of_them(small_file):
    with open_results(small_file) as results:
        section = change_section(results)
    assert section.pictures
    assert "added" not in {block.name for block in [*section.tables, *section.pictures]}
