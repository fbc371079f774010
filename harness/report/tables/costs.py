"""What searches and retrainings cost."""

from __future__ import annotations

import pandas as pd

from harness.analysis.analysis import Analysis
from harness.report.typeset import Table, from_to

HEADERS = ["dataset", "space", "method", "n", "search, images", "retraining, images", "parameters", "MACs"]


def numbers(analysis: Analysis) -> pd.DataFrame:
    return analysis.costs


def layout(analysis: Analysis, origin: str) -> Table:
    frame = analysis.costs
    rows = [
        [
            *(row.dataset, row.space, row.method, f"{row.n}"),
            *(_count(row.search_images), _count(row.retraining_images)),
            *(_count(row.parameters, row.parameters_std), _count(row.macs, row.macs_std)),
        ]
        for row in frame.itertuples()
    ]
    caption = (
        "What a search and a retraining cost, and how large the networks are that were found: means over"
        f" n = {from_to(frame['n'])} runs, ± standard deviation (ddof 1). MACs: multiply-adds of convolutions and"
        f" linear layers for one image. {origin}"
    )
    return Table(HEADERS, rows, caption)


def _count(mean: float, deviation: float = pd.NA) -> str:
    return "–" if pd.isna(mean) else f"{mean:,}" + ("" if pd.isna(deviation) else f" ± {deviation:,}")
