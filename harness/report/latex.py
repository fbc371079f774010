"""Tables as LaTeX with booktabs."""

from __future__ import annotations

import math
from collections.abc import Sequence

from harness.report.typeset import MINUS, Table, fold_names

LATEX = {
    **{character: f"\\{character}" for character in "&%$#_{}"},
    **{"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"},
    **{"<": "$<$", ">": "$>$", "|": "$|$", "±": r"$\pm$", MINUS: "$-$", "–": "--"},
    **{"τ": r"$\tau$", "→": r"$\rightarrow$", "×": r"$\times$", "≈": r"$\approx$"},
}
CHARACTERS = 100
"""So many fit on a line of LaTeX's `article` in small letters."""
SMALL = r"\scriptsize\setlength{\tabcolsep}{3pt}", 52
TINY = r"\tiny\setlength{\tabcolsep}{2pt}", 65
"""The size of the letters, and how many lines of them a page of `article` holds below a caption."""


def latex(table: Table) -> str:
    """A `table` environment that compiles in any document with booktabs, or several of them where one page cannot hold
    it. A wide table is set in smaller letters; where it is still wider than the text, it is centred on the page."""
    table = fold_names(table)
    small, most = SMALL if _width(table) <= CHARACTERS else TINY
    parts = _parts(table.rows, most) or [[]]
    captions = [rf"\caption{{{escape(table.caption)}}}"]
    captions += [r"\addtocounter{table}{-1}\caption{Continued.}"] * (len(parts) - 1)
    notes = [rf"\par\smallskip\parbox{{\linewidth}}{{\raggedright {escape(note)}}}" for note in table.notes]
    columns = "l" * table.labels + "r" * (len(table.headers) - table.labels)
    lines = []
    for rows, caption in zip(parts, captions):
        body = [_line(row, table.labels) for row in rows]
        lines += [
            r"\begin{table}",
            rf"\centering{small}",
            rf"{caption}\par\smallskip",
            rf"\makebox[\linewidth][c]{{\begin{{tabular}}{{@{{}}{columns}@{{}}}}",
            r"\toprule",
            _line(table.headers, table.labels),
            r"\midrule",
            *(body or [rf"\multicolumn{{{len(table.headers)}}}{{l}}{{No rows.}} \\"]),
            r"\bottomrule",
            r"\end{tabular}}",
            *(notes if rows is parts[-1] else []),
            r"\end{table}",
        ]
    return "\n".join(lines) + "\n"


def _width(table: Table) -> int:
    """In characters, two of them between columns."""
    widest = [
        max(len(line) for cell in column for line in cell.split("\n")) for column in zip(table.headers, *table.rows)
    ]
    return sum(widest) + 2 * len(widest)


def _parts(rows: Sequence[Sequence[str]], most: int) -> list[list[Sequence[str]]]:
    """The rows of each page; a row of several lines needs half a line more."""
    parts: list[list[Sequence[str]]] = []
    used = math.inf
    for row in rows:
        broken = max(cell.count("\n") for cell in row)
        height = 1 + broken + (0.5 if broken else 0)
        if used + height > most:
            parts.append([])
            used = 0
        parts[-1].append(row)
        used += height
    return parts


def _line(cells: Sequence[str], labels: int) -> str:
    gap = r" \noalign{\smallskip}" if any("\n" in cell for cell in cells) else ""
    return " & ".join(_stacked(cell, i < labels) for i, cell in enumerate(cells)) + rf" \\{gap}"


def _stacked(cell: str, label: bool) -> str:
    """The lines of a cell, one below the other, the first level with the other cells of the row."""
    lines = [escape(line) for line in cell.split("\n")]
    side, stack = "l" if label else "r", r" \\ ".join(lines)
    return stack if len(lines) == 1 else rf"\begin{{tabular}}[t]{{@{{}}{side}@{{}}}}{stack}\end{{tabular}}"


def escape(text: str) -> str:
    guard = "{}" if text.startswith(("[", "*")) else ""  # LaTeX would read them as arguments of the row's end
    return guard + "".join(LATEX.get(character, character) for character in text)
