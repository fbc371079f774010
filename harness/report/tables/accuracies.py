"""Every test accuracy."""

from __future__ import annotations

import pandas as pd

from harness.analysis.analysis import Analysis
from harness.analysis.columns import GROUP, RUN
from harness.analysis.results import in_percent
from harness.report.typeset import Table, number

COLUMNS = [*RUN, "cells", "repeat", "main", "status", "accuracy", "parameters", "macs", "arch"]
HEADERS = ["dataset", "space", "method", "cells", "n", "test accuracy by seed, %"]


def numbers(analysis: Analysis) -> pd.DataFrame:
    """Every training, failed ones included; `foreign` reads it back. `variant` where any training has one."""
    trainings = analysis.results.trainings
    varied = ["variant"] if trainings["variant"].any() else []
    return trainings[[*COLUMNS[:5], *varied, *COLUMNS[5:]]]


def layout(analysis: Analysis, origin: str) -> Table:
    done = analysis.results.trainings.dropna(subset=["accuracy"]).assign(cells=lambda done: done["cells"].fillna(0))
    shown = done.assign(text=in_percent(done)["accuracy"].map(number))
    rows = [
        [*names, _size(cells, variant), f"{len(group)}", _lines(list(group["text"]))]
        for (*names, cells, variant), group in shown.groupby([*GROUP, "cells", "variant"])
    ]
    return Table(HEADERS, rows, f"All {len(done)} finished trainings. {origin}", labels=4)


def _size(cells: int, variant: str) -> str:
    return ", ".join(filter(None, [f"{cells or '–'}", variant]))


def _lines(texts: list[str]) -> str:
    """Six accuracies on each line."""
    return ",\n".join(", ".join(texts[i : i + 6]) for i in range(0, len(texts), 6))
