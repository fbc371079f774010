"""Each method on each dataset: one row per method, one column per dataset: RI, verdict, interval."""

from __future__ import annotations

from typing import Any

import pandas as pd

from harness.analysis.analysis import Analysis
from harness.analysis.comparison import SIGNIFICANT
from harness.plan import titles
from harness.report.tables.base import TEST, failed_runs, holm_corrected, samples, undecidable, untested
from harness.report.typeset import Table, interval, number

SHORT = {"not distinguishable": "≈"}


def numbers(analysis: Analysis) -> pd.DataFrame:
    """One row per method and space, four columns per dataset."""
    columns = {"ri": "", "holm_low": " low", "holm_high": " high", "verdict": " verdict"}
    improvement = analysis.relative_improvement
    wide = improvement.pivot(index=["method", "space"], columns="dataset", values=list(columns))
    order = [(name, dataset) for dataset in wide.columns.unique("dataset") for name in columns]
    wide = wide[order].set_axis([f"{dataset}{columns[name]}" for name, dataset in order], axis=1)
    return wide.apply(lambda column: column if "verdict" in column.name else column.astype(float)).reset_index()


def layout(analysis: Analysis, origin: str) -> Table:
    improvement = analysis.relative_improvement
    cells = {(row.method, row.space, row.dataset): _cell(row) for row in improvement.itertuples()}
    datasets = sorted(set(improvement["dataset"]))
    rows = [
        [method, space, *(cells.get((method, space, dataset), "–") for dataset in datasets)]
        for method, space in sorted({names[:2] for names in cells})
    ]
    caption = (
        "Is a method better than the average random architecture of its own space, dataset by dataset? These rows are"
        " secondary: the table of methods asks it over all datasets, with more power. Relative improvement (RI) in"
        f" percent of the random architectures' mean test accuracy, verdict and interval. The test: {TEST}; verdict"
        f" (better, worse, or ≈: not significant) and interval are {holm_corrected(improvement)}."
        f"{untested(improvement)}{undecidable(improvement)} n = {samples(improvement)}. {origin}"
    )
    headers = ["method", "space", *map(titles.dataset, datasets)]
    found = {(row.method, row.space, row.dataset) for row in improvement.itertuples() if row.verdict in SIGNIFICANT}
    named = [(i, j, (*row[:2], name)) for i, row in enumerate(rows) for j, name in enumerate(datasets, 2)]
    bold = frozenset((i, j) for i, j, cell in named if cell in found)
    return Table(headers, rows, caption, failed_runs(analysis.runs), 2, bold)


def _cell(row: Any) -> str:
    verdict = SHORT.get(row.verdict, row.verdict)
    if pd.isna(row.ri):
        return verdict
    return f"{number(row.ri, sign=True)} {verdict}\n{interval(row.holm_low, row.holm_high, sign=True)}".strip()
