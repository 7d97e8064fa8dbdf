import re
from pathlib import Path

import pytest
from conftest import small_content
from make_file import write_file

README = Path(__file__).parents[1] / "README.md"
BLOCKS = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture
def results_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "results" / "NAME"
    folder.mkdir(parents=True)
    return write_file(folder / "NAME.h5", small_content())


def test_every_example_runs_and_answers(results_folder, capsys):
    names = {}
    answers = []
    for block in BLOCKS:
        exec(block, names)
        answers.append(capsys.readouterr().out)
    assert len(answers) == 5
    assert "output.LayerNorm.weight" in answers[1].splitlines()[1]
    assert re.search(r"full +0.56 +0.68", answers[2])
    assert re.search(r"full +0.6 +0.7", answers[3])
    assert Path("rms.png").exists()
