"""Tables as files: CSV for programs, Markdown and LaTeX (booktabs) for readers. Same table, same bytes."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from harness.records import write_atomically

MINUS = "\N{MINUS SIGN}"
HTML_STYLE = """
body { font: 14px/1.45 system-ui, sans-serif; color: #222; background: #fff; margin: 1.2em; }
table { border-collapse: collapse; } th, td { padding: 0.25em 0.7em; text-align: left; white-space: nowrap; }
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
    **{"±": r"$\pm$", MINUS: "$-$", "τ": r"$\tau$", "→": r"$\rightarrow$", "–": "--", "×": r"$\times$"},
}


@dataclass(frozen=True)
class Table:
    """A table as readers see it: cells are texts, the first `labels` columns are names and the others numbers."""

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


def probability(p: float) -> str:
    if pd.isna(p):
        return "–"
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def write(path: Path, text: str) -> None:
    write_atomically(path, text.encode())


def write_csv(path: Path, frame: pd.DataFrame) -> None:
    """Floats to six significant digits, and nothing below 1e-12: what differs between processors lies beyond them."""
    write(path, frame.round(12).to_csv(index=False, float_format="%.6g", lineterminator="\n"))


def write_markdown(path: Path, table: Table) -> None:
    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

    rule = ["---" if i < table.labels else "---:" for i in range(len(table.headers))]
    body = [line(table.headers), line(rule), *map(line, table.rows)] if table.rows else ["No rows."]
    notes = [f"\n{note}" for note in table.notes]
    write(path, "\n".join([table.caption, "", *body, *notes]) + "\n")


def write_html(path: Path, table: Table) -> None:
    """A page of its own, as Snakemake's report shows it: caption, table, notes."""

    def line(cells: Sequence[str], tag: str) -> str:
        kinds = ["" if i < table.labels else ' class="number"' for i in range(len(cells))]
        row = (f"<{tag}{kind}>{html.escape(cell)}</{tag}>" for kind, cell in zip(kinds, cells))
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


def write_latex(path: Path, table: Table) -> None:
    """A `table` environment that compiles as it stands in any document with booktabs."""

    def line(cells: Sequence[str]) -> str:
        return " & ".join(map(escape, cells)) + r" \\"

    body = [line(row) for row in table.rows] or [rf"\multicolumn{{{len(table.headers)}}}{{l}}{{No rows.}} \\"]
    columns = "l" * table.labels + "r" * (len(table.headers) - table.labels)
    notes = [rf"\par\smallskip\parbox{{\linewidth}}{{\raggedright {escape(note)}}}" for note in table.notes]
    lines = [
        r"\begin{table}",
        r"\centering\scriptsize\setlength{\tabcolsep}{3pt}",
        rf"\caption{{{escape(table.caption)}}}",
        rf"\begin{{tabular}}{{@{{}}{columns}@{{}}}}",
        r"\toprule",
        line(table.headers),
        r"\midrule",
        *body,
        r"\bottomrule",
        r"\end{tabular}",
        *notes,
        r"\end{table}",
    ]
    write(path, "\n".join(lines) + "\n")


def escape(text: str) -> str:
    return "".join(LATEX.get(character, character) for character in text)
