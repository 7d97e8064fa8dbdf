"""A table of the report for LaTeX, with booktabs and longtable."""

import re

import pandas as pd

from tunescope_analysis.report.blocks import Cell, Table

# Stand for commands while cells are escaped.
BOLD_FROM, CODE_FROM, GROUP_TO, BREAK = "\ue000\ue001\ue002\ue003"
STACK_FROM, STACK_LINE, STACK_TO = "\ue004\ue005\ue006"
BREAK_POINT = re.compile(r"(?<=[,:])(?=[a-z])")  # in the spelling of a method
LATEX_COMMANDS = {
    BOLD_FROM: r"\textbf{",
    CODE_FROM: r"\texttt{",
    GROUP_TO: "}",
    BREAK: r"\allowbreak{}",
    STACK_FROM: r"\begin{tabular}[t]{@{}r@{}}",
    STACK_LINE: r"\\\scriptsize ",
    STACK_TO: r"\end{tabular}",
    "<": "$<$",
    ">": "$>$",
    "|": "$|$",
    "✓": r"$\surd$",
    "−": "$-$",
    "±": r"$\pm$",
    "×": r"$\times$",
    "–": "--",
    "≈": r"$\approx$",
    "≤": r"$\le$",
    "ε": r"$\varepsilon$",
    "θ": r"$\theta$",
}


def latex_table(table: Table) -> str:
    """The table as the page shows it, for LaTeX with booktabs: the best bold.

    Prose is a longtable, with columns that wrap.
    """
    headings = [" ".join(filter(None, (heading.text, heading.note))) for heading in table.headings]
    rows = [
        [_latex_cell(cell, heading.is_number) for cell, heading in zip(row, table.headings, strict=True)]
        for row in table.rows + table.folded
    ]
    if table.is_prose:
        columns = _prose_columns([headings, *rows])
        rows = [[BREAK_POINT.sub(BREAK, text) for text in row] for row in rows]
    else:
        columns = "".join("r" if heading.is_number else "l" for heading in table.headings)
    frame = pd.DataFrame(rows, columns=headings)
    text = str(frame.to_latex(index=False, escape=True, column_format=columns, longtable=table.is_prose))
    for character, command in LATEX_COMMANDS.items():
        text = text.replace(character, command)
    return text


def _latex_cell(cell: Cell, is_number: bool) -> str:
    text, note, line = (
        re.sub(r"`([^`]+)`", rf"{CODE_FROM}\1{GROUP_TO}", words)
        for words in (cell.text, cell.note, cell.line)
    )
    text = f"{BOLD_FROM}{text}{GROUP_TO}" if cell.is_best else text
    text = " ".join(filter(None, (text, note)))
    if line and is_number:
        return f"{STACK_FROM}{text}{STACK_LINE}{line}{STACK_TO}"
    return f"{text} {line}".rstrip()


def _prose_columns(rows: list[list[str]]) -> str:
    """Columns that wrap, wider for longer text. The gaps take 4 % of the line per column."""
    weights = [max(map(len, column)) ** 0.3 for column in zip(*rows, strict=True)]
    room = (1 - 0.04 * len(weights)) / sum(weights)
    return "".join(rf"p{{{room * weight:.2f}\linewidth}}" for weight in weights)
