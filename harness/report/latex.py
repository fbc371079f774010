"""Tables as LaTeX, with the packages booktabs (rules) and siunitx (numbers that line up at their decimal point)."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from harness.report.typeset import MINUS, Table, fold, fold_names

LATEX = {
    **{character: f"\\{character}" for character in "&%$#_{}"},
    **{"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"},
    **{"<": "$<$", ">": "$>$", "|": "$|$", "±": r"$\pm$", MINUS: "$-$", "–": "--"},
    **{"²": "$^2$", "τ": r"$\tau$", "→": r"$\rightarrow$", "×": r"$\times$", "≈": r"$\approx$"},
}
NEEDS = r"% needs \usepackage{booktabs,siunitx}"
SIZE = r"\footnotesize\setlength{\tabcolsep}{4pt}"
CHARACTERS = 94
"""So many stand in these letters on a line a sixth wider than that of LaTeX's `article`."""
PAGE, LINE, HEAD, CAPTION = 530.0, 9.7, 70.0, 12.0
"""Points: a page of `article`, a line of these letters, headers with rules, a line of a caption (66 letters)."""
SHORT, MEANS = {"not distinguishable": "≈"}, " ≈: not distinguishable."
NARROW = 12
"""Headers of columns that are narrower are folded to so many characters."""
NUMBERS = (
    r"\sisetup{retain-explicit-plus,table-number-alignment=right,table-text-alignment=right,"
    r"group-separator={,},group-minimum-digits=4}"
)
NUMBER = re.compile(rf"(?P<sign>[+{MINUS}]?)(?P<whole>\d[\d,]*)(?:\.(?P<part>\d+))?(?: (?P<rest>(?![\d+{MINUS}]).+))?")
"""A number with, perhaps, words behind it: "+3.66 better", "97.07 ± 0.30"."""


def latex(table: Table) -> str:
    """A `table` environment in letters of 8 points that compiles in any document with booktabs and siunitx. What one
    page cannot hold is continued in further ones: rows below, columns beside, with the names in front again. Cells of
    `table.bold` are bold."""
    table = _short(fold_names(table))
    columns = [_column(table, i) for i in range(len(table.headers))]
    parts = [(rows, beside) for rows in _rows(table) for beside in _beside(columns, table.labels)]
    captions = [rf"\caption{{{escape(table.caption)}}}"]
    captions += [r"\addtocounter{table}{-1}\caption{Continued.}"] * (len(parts) - 1)
    notes = [rf"\par\smallskip\parbox{{\linewidth}}{{\raggedright {escape(note)}}}" for note in table.notes]
    lines = [NEEDS]
    for i, ((rows, beside), caption) in enumerate(zip(parts, captions)):
        lines += [r"\begin{table}", rf"\centering{SIZE}{NUMBERS}", rf"{caption}\par\smallskip"]
        lines += [*_tabular(rows, beside), *(notes if i == len(parts) - 1 else []), r"\end{table}"]
    return "\n".join(lines) + "\n"


def _short(table: Table) -> Table:
    """The same table, less wide: a method's space stands below its name where rows have several lines anyway, and
    verdicts are shorter. The caption says what is bold."""
    rows = [[_replaced(cell) for cell in row] for row in table.rows]
    caption = table.caption + (MEANS if rows != [[*row] for row in table.rows] else "")
    caption += " Bold: significant." if table.bold else ""
    table = replace(table, rows=rows, caption=caption)
    heads = list(table.headers[: table.labels])
    if not {"method", "space"} <= {*heads} or 2 * sum(map(_broken, rows)) <= len(rows):
        return table
    method, space = heads.index("method"), heads.index("space")

    def stacked(row: Sequence[str]) -> list[str]:
        both = f"{row[method]}\n{row[space]}"
        return [both if i == method else cell for i, cell in enumerate(row) if i != space]

    bold = frozenset((i, j - 1) for i, j in table.bold)
    rows = [stacked(row) for row in rows]
    return replace(table, headers=stacked(table.headers), rows=rows, labels=table.labels - 1, bold=bold)


def _broken(row: Sequence[str]) -> bool:
    return any("\n" in cell for cell in row)


def _replaced(cell: str) -> str:
    for long, short in SHORT.items():
        cell = cell.replace(long, short)
    return cell


@dataclass(frozen=True)
class _Column:
    """A column of a table. `cells`: its header, then one cell a row; `bold`: which of these cells are."""

    cells: Sequence[str]
    bold: Sequence[bool]
    label: bool

    @cached_property
    def _numbers(self) -> list[re.Match[str]]:
        lines = (line for cell in self.cells[1:] for line in cell.split("\n"))
        return [] if self.label else [found for line in lines if (found := NUMBER.fullmatch(line))]

    @cached_property
    def span(self) -> int:
        """Columns of LaTeX: two where words stand behind numbers."""
        return 2 if any(found["rest"] for found in self._numbers) else 1

    @property
    def width(self) -> int:
        """In characters, two of them for the gap."""
        return max(len(line) for cell in self.cells for line in cell.split("\n")) + 2

    @property
    def form(self) -> str:
        """What stands between the braces of `tabular`."""
        if not self._numbers:
            return "l" if self.label else "r"
        sign = "+" if any(found["sign"] for found in self._numbers) else ""
        whole = max(len(found["whole"].replace(",", "")) for found in self._numbers)
        part = max(len(found["part"] or "") for found in self._numbers)
        behind = "@{ }l" if self.span == 2 else ""
        return f"S[table-format={sign}{whole}{f'.{part}' if part else ''}]{behind}"

    def line(self, row: int, level: int) -> str:
        """A line of a cell; rows count from the header, which is 0."""
        lines = self.cells[row].split("\n")
        text = lines[level] if level < len(lines) else ""
        found = NUMBER.fullmatch(text) if row and self._numbers else None
        if found is None:
            return self._text(text, self.bold[row])
        shown = text.removesuffix(found["rest"] or "").strip()
        bare = shown.replace(MINUS, "-").replace(",", "")
        first = rf"{{\bfseries {escape(shown)}}}" if self.bold[row] else bare
        rest = _bold(escape(found["rest"] or ""), self.bold[row])
        return f"{first} & {rest}".rstrip() if self.span == 2 else first

    def _text(self, text: str, bold: bool) -> str:
        shown = _bold(escape(text), bold)
        first = f"{{{shown}}}" if self._numbers and shown else shown
        return f"{first} &" if self.span == 2 else first


def _bold(text: str, bold: bool) -> str:
    return rf"\textbf{{{text}}}" if bold and text else text


def _column(table: Table, i: int) -> _Column:
    bold = [False, *((row, i) in table.bold for row in range(len(table.rows)))]
    cells, header = [row[i] for row in table.rows], table.headers[i]
    widest = max((len(line) for cell in cells for line in cell.split("\n")), default=0)
    if i >= table.labels and widest < NARROW:
        header = "\n".join(fold(line, NARROW) for line in header.split("\n"))
    return _Column([header, *cells], bold, i < table.labels)


def _rows(table: Table) -> list[range]:
    """The rows of each page, counted from the header: below the caption, those that the page holds."""
    parts: list[range] = []
    room = 0.0
    for i, row in enumerate(table.rows, 1):
        levels = max(cell.count("\n") for cell in row) + 1
        height = LINE * levels + (2 if levels > 1 else 0)
        if height > room:
            room = PAGE - HEAD - CAPTION * (1 if parts else math.ceil(len(table.caption) / 66))
            parts.append(range(i, i))
        parts[-1] = range(parts[-1].start, i + 1)
        room -= height
    return parts or [range(0)]


def _beside(columns: Sequence[_Column], labels: int) -> list[list[_Column]]:
    """The columns of each part, in which the names stand in front: as few parts as have room on a page, of about the
    same width."""
    names, rest = list(columns[:labels]), list(columns[labels:])
    widths = [column.width for column in rest]
    room = max(CHARACTERS - sum(column.width for column in names), *widths, 1)
    fewest = len(_filled(widths, room))
    even = next(less for less in range(max(widths, default=0), room + 1) if len(_filled(widths, less)) == fewest)
    return [names + [rest[i] for i in part] for part in _filled(widths, even)]


def _filled(widths: Sequence[int], room: int) -> list[list[int]]:
    """The columns of each part, by their numbers, where a part is full at `room` characters."""
    parts: list[list[int]] = [[]]
    for i, width in enumerate(widths):
        if sum(widths[j] for j in parts[-1]) + width > room:
            parts.append([])
        parts[-1].append(i)
    return parts


def _tabular(rows: range, columns: Sequence[_Column]) -> list[str]:
    form = "".join(column.form for column in columns)
    body = [line for row in rows for line in _levels(row, columns)]
    if not rows:
        body = [rf"\multicolumn{{{sum(column.span for column in columns)}}}{{l}}{{No rows.}} \\"]
    return [
        rf"\makebox[\linewidth][c]{{\begin{{tabular}}{{@{{}}{form}@{{}}}}",
        *(r"\toprule", *_levels(0, columns), r"\midrule", *body, r"\bottomrule"),
        r"\end{tabular}}",
    ]


def _levels(row: int, columns: Sequence[_Column]) -> list[str]:
    """The lines of a row, one below the other; a little room where the next row would not stand apart."""
    levels = max(column.cells[row].count("\n") for column in columns) + 1
    lines = [" & ".join(column.line(row, level) for column in columns) + r" \\" for level in range(levels)]
    return lines if levels == 1 or not row else [*lines[:-1], lines[-1] + r" \addlinespace[2pt]"]


def escape(text: str) -> str:
    guard = "{}" if text.startswith(("[", "*")) else ""  # LaTeX would read them as arguments of the row's end
    return guard + "".join(LATEX.get(character, character) for character in text)
