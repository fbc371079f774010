"""Tables as files: CSV for programs, Markdown, HTML and LaTeX (booktabs) for readers. Same table, same bytes."""

from __future__ import annotations

import html
import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from harness.records.files import write_atomically

MINUS = "\N{MINUS SIGN}"
HTML_STYLE = """
body { font: 14px/1.45 system-ui, sans-serif; color: #222; background: #fff; margin: 1.2em; }
table { border-collapse: collapse; } th, td { padding: 0.25em 0.55em; text-align: left; white-space: nowrap; }
td { vertical-align: baseline; }
thead { border-bottom: 2px solid #444; } tbody tr:nth-child(even) { background: #f3f5f7; }
.number { text-align: right; font-variant-numeric: tabular-nums; } p { max-width: 75em; }
"""
LATEX = {
    **{character: f"\\{character}" for character in "&%$#_{}"},
    **{
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": "$<$",
        ">": "$>$",
        "|": "$|$",
    },
    **{
        "±": r"$\pm$",
        MINUS: "$-$",
        "τ": r"$\tau$",
        "→": r"$\rightarrow$",
        "–": "--",
        "×": r"$\times$",
        "≈": r"$\approx$",
    },
}


NAME, NARROW = 30, 24  # characters of a name on one line: in a figure, in a column of a table


@dataclass(frozen=True)
class Table:
    """A table as readers see it: cells are texts, the first `labels` columns are names and the others numbers. A line
    break in a cell is kept where there is room for it: HTML and LaTeX."""

    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str
    notes: Sequence[str] = ()
    labels: int = 3


def number(value: float, digits: int = 2, sign: bool = False) -> str:
    """A number with fixed decimals and a real minus sign; a dash where there is none."""
    if pd.isna(value) or math.isinf(value):
        return "–"
    text = f"{value:{'+' if sign else ''},.{digits}f}".replace("-", MINUS)
    return text if float(f"{value:.{digits}f}") else text.lstrip("+" + MINUS)


def interval(low: float, high: float, digits: int = 2, sign: bool = False) -> str:
    return "" if pd.isna(low) else f"[{number(low, digits, sign)}, {number(high, digits, sign)}]"


def estimate(value: float, low: float, high: float, digits: int = 2, sign: bool = False) -> str:
    """A number with its interval below it; the number alone where it has none."""
    bounds = interval(low, high, digits, sign)
    return number(value, digits, sign) + (f"\n{bounds}" if bounds else "")


def probability(p: float) -> str:
    if pd.isna(p):
        return "–"
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def fold(name: str, width: int = NAME) -> str:
    """A name on several lines where it is long, broken after a word or an underscore where there is one."""
    words = name.replace("_", "_ ")
    folded = textwrap.wrap(words, width, break_on_hyphens=True)
    return "\n".join(line.replace("_ ", "_") for line in folded)


def _narrow(table: Table) -> Table:
    """With long names on several lines."""

    def folded(cell: str) -> str:
        return cell if "\n" in cell else fold(cell, NARROW)

    rows = [[*map(folded, row[: table.labels]), *row[table.labels :]] for row in table.rows]
    return replace(table, headers=[*map(folded, table.headers)], rows=rows)


def write(path: Path, text: str) -> None:
    write_atomically(path, text.encode())


def write_all(path: Path, frame: pd.DataFrame, table: Table) -> None:
    """path.csv from the numbers; path.md, path.html and path.tex from the table."""
    write_csv(path.with_name(f"{path.name}.csv"), frame)
    write_html(path.with_name(f"{path.name}.html"), table)
    write(path.with_name(f"{path.name}.md"), markdown(table))
    write(path.with_name(f"{path.name}.tex"), latex(table))


def write_csv(path: Path, frame: pd.DataFrame) -> None:
    """Floats to six significant digits, and nothing below 1e-12: what differs between processors lies beyond them."""
    write(path, frame.round(12).to_csv(index=False, float_format="%.6g", lineterminator="\n"))


def markdown(table: Table) -> str:
    """Columns as wide as their widest cell, so that the text reads well in a terminal too."""
    rows = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in (table.headers, *table.rows)]
    widths = [max(3, *map(len, column)) for column in zip(*rows)]

    def line(cells: Sequence[str]) -> str:
        padded = (c.ljust(w) if i < table.labels else c.rjust(w) for i, (c, w) in enumerate(zip(cells, widths)))
        return f"| {' | '.join(padded)} |"

    rule = ["-" * w if i < table.labels else "-" * (w - 1) + ":" for i, w in enumerate(widths)]
    body = [line(rows[0]), line(rule), *map(line, rows[1:])] if table.rows else ["No rows."]
    notes = [f"\n{note}" for note in table.notes]
    return "\n".join([table.caption, "", *body, *notes]) + "\n"


def write_html(path: Path, table: Table) -> None:
    """A page of its own, as Snakemake's report shows it: caption, table, notes."""
    table = _narrow(table)

    def line(cells: Sequence[str], tag: str) -> str:
        kinds = ["" if i < table.labels else ' class="number"' for i in range(len(cells))]
        row = (f"<{tag}{kind}>{html.escape(cell).replace(chr(10), '<br>')}</{tag}>" for kind, cell in zip(kinds, cells))
        return f"<tr>{''.join(row)}</tr>"

    parts = [
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{path.stem}</title>',
        f"<style>{HTML_STYLE}</style></head><body>",
        f"<p>{html.escape(table.caption)}</p>",
        f"<table><thead>{line(table.headers, 'th')}</thead><tbody>",
        *([line(row, "td") for row in table.rows] or ["<tr><td>No rows.</td></tr>"]),
        "</tbody></table>",
        *(f"<p>{html.escape(note)}</p>" for note in table.notes),
        "</body></html>",
    ]
    write(path, "\n".join(parts) + "\n")


def latex(table: Table) -> str:
    """A `table` environment that compiles as it stands in any document with booktabs, several where a page cannot hold
    it. A wide table is set smaller, and reaches equally far into both margins where it is still wider than the text."""
    table = _narrow(table)
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


CHARACTERS = 100
"""That a line of LaTeX's `article` holds in small letters."""
SMALL = r"\scriptsize\setlength{\tabcolsep}{3pt}", 52
TINY = r"\tiny\setlength{\tabcolsep}{2pt}", 65
"""Letters of a table, and the lines of them that a page of `article` holds beside a caption."""


def _width(table: Table) -> int:
    """In characters, two of them between columns."""
    widest = [
        max(len(line) for cell in column for line in cell.split("\n")) for column in zip(table.headers, *table.rows)
    ]
    return sum(widest) + 2 * len(widest)


def _parts(rows: Sequence[Sequence[str]], most: int) -> list[list[Sequence[str]]]:
    """The rows by page, a row of several lines being a little higher than these."""
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
    """The lines of a cell below each other, the first one level with the other cells of the row."""
    lines = [escape(line) for line in cell.split("\n")]
    side, stack = "l" if label else "r", r" \\ ".join(lines)
    return stack if len(lines) == 1 else rf"\begin{{tabular}}[t]{{@{{}}{side}@{{}}}}{stack}\end{{tabular}}"


def escape(text: str) -> str:
    guard = "{}" if text.startswith(("[", "*")) else ""  # after the end of a row they would be its arguments
    return guard + "".join(LATEX.get(character, character) for character in text)
