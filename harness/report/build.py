"""The tables that a reader sees: CSV, Markdown, HTML and LaTeX from records or from a CSV, the same bytes every time.

What depends on the machine's speed stands in `run_times` alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from harness.analysis import cost_matched as budget
from harness.analysis import provenance as conditions
from harness.analysis import ranking, summaries, variance
from harness.analysis import results as frames
from harness.analysis.results import Results
from harness.records import sums
from harness.report import typeset
from harness.report.tables import compared as findings
from harness.report.tables import details
from harness.report.typeset import Table

PROVENANCE = ("source", "protocol", "machine", "commit")


def build(
    records: Path | Sequence[Path],
    out: Path,
    figures: Path | None = None,
    caption: Mapping[str, str] | None = None,
    report: bool = False,
) -> list[str]:
    """Writes the tables into `out` and the figures into `figures` (`out`/figures by default) from a folder of
    records, a list of them, or a CSV (see `foreign`).

    `caption` adds to, or replaces, what the records say of themselves: source, protocol, machine, commit. UserError
    where the input cannot be trusted; nothing is written then. SHA256SUMS in `out` names the input and all that was
    made of it. `report`: also all of it as one page, `out`/report.html; returns what that leaves out.
    """
    from harness.report.figures.every import draw_all
    from harness.report.page import write_page

    results = frames.read(records)
    tables(results, out, caption)
    figures = figures or out / "figures"
    draw_all(results, figures)
    left = write_page(out, figures) if report else []
    sources = [records] if isinstance(records, Path) else records
    read = [file for source in sources for file in (source.rglob("*.json") if source.is_dir() else [source])]
    made = [file for folder in {out, figures} for file in folder.iterdir() if file.is_file() and file.name != sums.NAME]
    sums.write(out, [*read, *made])
    return left


def tables(results: Results, out: Path, caption: Mapping[str, str] | None = None) -> None:
    """Writes every table into the folder `out`; a table without rows says so."""
    for name, (frame, table) in laid_out(results, provenance({**results.about, **(caption or {})})).items():
        typeset.write_all(out / name, frame, table)


def laid_out(results: Results, made: str) -> dict[str, tuple[pd.DataFrame, Table]]:
    """Every table as numbers and as readers see it, the most important first; `made` ends each caption."""
    improvement, gap = summaries.relative_improvement(results), summaries.depth_gap(results)
    ranks, matched, spread = ranking.ranking(improvement), budget.cost_matched(results), variance.variance(results)
    costs, times, every = summaries.costs(results), summaries.run_times(results), summaries.accuracies(results)
    course = summaries.courses(results)
    return {
        "verdicts": (findings.verdicts(improvement), findings.show_verdicts(improvement, results, made)),
        "relative_improvement": (improvement, findings.show_improvement(improvement, results, made)),
        "ranking": (ranks, findings.show_ranking(ranks, improvement, made)),
        "cost_matched": (matched, findings.show_cost_matched(matched, made)),
        "depth_gap": (gap, details.show_depth_gap(gap, results, made)),
        "variance": (spread, details.show_variance(spread, made)),
        "courses": (course, details.show_courses(course, made)),
        "costs": (costs, details.show_costs(costs, made)),
        "protocol": (results.conditions, conditions.show(results.conditions, made)),
        "run_times": (times, details.show_times(times, made)),
        "accuracies": (every, details.show_accuracies(every, made)),
    }


def provenance(about: Mapping[str, str]) -> str:
    """ "Protocol laptop-1; machine …; commit 0123456789ab." from what is known."""
    names = [*(name for name in PROVENANCE if name in about), *sorted(set(about) - set(PROVENANCE))]
    said = "; ".join(f"{name} {about[name]}" for name in names)
    said = re.sub(r"\b([0-9a-f]{12})[0-9a-f]{28}\b", r"\1", said)
    return f"{said[0].upper()}{said[1:]}." if said else ""
