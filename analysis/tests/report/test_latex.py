"""Tables for a paper: what is written, and whether LaTeX takes it."""

import shutil
import subprocess

import pandas as pd
import pytest
from make_file import write_file
from make_sample import SAMPLES

from tunescope_analysis.cli import main
from tunescope_analysis.report.blocks import Cell, Heading, Table
from tunescope_analysis.report.latex import latex_table

PDFLATEX = shutil.which("pdflatex")


FRAME = r"""\documentclass{article}
\usepackage{booktabs,graphicx,longtable}
\begin{document}
CONTENT
\end{document}
"""


def compile_tables(folder, names):
    """Each on a page of its own, those of numbers made as wide as the page; returns what LaTeX printed."""
    tables = [
        rf"\noindent\input{{{name}}}\clearpage" if r"\linewidth" in (folder / name).read_text() else
        rf"\noindent\resizebox{{\linewidth}}{{!}}{{\input{{{name}}}}}\clearpage"
        for name in names
    ]  # fmt: skip
    (folder / "all.tex").write_text(FRAME.replace("CONTENT", "\n".join(tables)), encoding="utf-8")
    command = [PDFLATEX, "-interaction=nonstopmode", "-halt-on-error", "all.tex"]
    result = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, errors="replace", check=False
    )
    assert result.returncode == 0, result.stdout[-2000:]
    return result.stdout


@pytest.mark.skipif(PDFLATEX is None, reason="no pdflatex is installed")
def test_every_table_compiles_and_fits_the_page(tmp_path):
    path = write_file(tmp_path / "sample.h5", SAMPLES["minilm"]())
    assert main([str(path), "-o", str(tmp_path), "--format", "latex"]) == 0
    printed = compile_tables(tmp_path, sorted(file.name for file in tmp_path.glob("*.tex")))
    assert "Overfull" not in printed


@pytest.mark.skipif(PDFLATEX is None, reason="no pdflatex is installed")
def test_any_text_compiles(tmp_path):
    text = r"\ & % $ # _ { } ~ ^ < > | ` ' \" − ± × – ≈ ≤ ✓ θ ε ä run `a_b`, a:b,c"
    headings = [Heading("What", is_number=False), Heading("Figure")]
    rows = [[Cell(text), Cell(text, note=text, line=text, is_best=True)]]
    table = Table("t", pd.DataFrame(), headings, rows)
    (tmp_path / "t.tex").write_text(latex_table(table), encoding="utf-8")
    compile_tables(tmp_path, ["t.tex"])


def test_latex_tables_need_no_unicode(written):
    for path in written.folder.glob("*.tex"):
        assert path.read_text(encoding="utf-8").isascii(), path.name


def test_latex_cells_are_set_as_on_the_page():
    cells = [Cell("a_b: run `x_y`"), Cell("< 0.001", is_best=True), Cell("0.40", line="full 0.00 ✓")]
    headings = [Heading("Method", is_number=False), Heading("p"), Heading("Bound")]
    text = latex_table(Table("t", pd.DataFrame(), headings[:2], [cells[:2]]))
    assert r"a\_b: run \texttt{x\_y} & \textbf{$<$ 0.001} \\" in text
    assert r"full 0.00 $\surd$" in latex_table(Table("t", pd.DataFrame(), headings[1:], [cells[1:]]))


def test_latex_prose_wraps():
    words = [Heading(text, is_number=False) for text in ("Claim", "Why")]
    text = latex_table(Table("t", pd.DataFrame(), words, [[Cell("a"), Cell("b" * 40)]]))
    assert r"\begin{longtable}{p{0.32\linewidth}p{0.60\linewidth}}" in text
