import re
from pathlib import Path

import pytest
from make_file import write_file
from small_sweep import fisher_fields, small_content

README = Path(__file__).parents[1] / "README.md"
BLOCKS = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture
def results_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "results" / "NAME"
    folder.mkdir(parents=True)
    return write_file(folder / "NAME.h5", small_content(**fisher_fields()))


def test_every_example_runs_and_answers(results_folder, capsys):
    names = {}
    answers = []
    for block in BLOCKS:
        exec(block, names)
        answers.append(capsys.readouterr().out)
    assert len(answers) == 7
    assert "output.LayerNorm.weight" in answers[1].splitlines()[1]
    assert re.search(r"full +0.56 +0.68", answers[2])
    assert re.search(r"full +0.6 +0.7", answers[3])
    assert re.search(r"output.LayerNorm.weight +30.0", answers[4])  # (1 + 3) / 2 · (10 + 20) / 2
    assert float(answers[5]) == pytest.approx(-1)
    assert Path("rms.png").exists()
    assert Path("share.png").exists()
