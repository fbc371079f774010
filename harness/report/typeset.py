"""Numbers as text, and tables as CSV for programs and as Markdown."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from harness.plan import titles
from harness.records.files import write_atomically

MINUS = "\N{MINUS SIGN}"
NAME, NARROW = 30, 24  # characters of a name on one line: in a figure, in a column of a table


@dataclass(frozen=True)
class Table:
    """A table as readers see it: cells are texts, the first `labels` columns are names and the others numbers. A line
    break in a cell is kept where there is room for it: HTML and LaTeX. `bold`: (row, column) of significant cells."""

    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str
    notes: Sequence[str] = ()
    labels: int = 3
    bold: Collection[tuple[int, int]] = ()


def number(value: float, digits: int = 2, sign: bool = False) -> str:
    """A number with fixed decimals and a real minus sign; a dash where there is none. Halves are the same text on every
    processor: what differs between them lies beyond nine decimals."""
    if pd.isna(value) or math.isinf(value):
        return "–"
    value = round(float(value), 9)
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


def from_to(counts: pd.Series) -> str:
    """ "3", or "6 to 8"."""
    low, high = (counts.min(), counts.max()) if len(counts) else (0, 0)
    return f"{low}" if low == high else f"{low} to {high}"


def fold(name: str, width: int = NAME) -> str:
    """A name on several lines where it is long, broken after a word or an underscore where there is one."""
    words = name.replace("_", "_ ")
    folded = textwrap.wrap(words, width, break_on_hyphens=True)
    return "\n".join(line.replace("_ ", "_") for line in folded)


def named(table: Table) -> Table:
    """The same table with names for readers in place of identifiers, in the columns of methods, spaces and datasets."""
    columns = [titles.COLUMNS.get(header, str) for header in table.headers[: table.labels]]
    rows = [[*(of(cell) for of, cell in zip(columns, row)), *row[table.labels :]] for row in table.rows]
    return replace(table, rows=rows)


def fold_names(table: Table) -> Table:
    """The same table with long names on several lines."""

    def folded(cell: str) -> str:
        return cell if "\n" in cell else fold(cell, NARROW)

    rows = [[*map(folded, row[: table.labels]), *row[table.labels :]] for row in table.rows]
    return replace(table, headers=[*map(folded, table.headers)], rows=rows)


def write(path: Path, text: str) -> None:
    write_atomically(path, text.encode())


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
