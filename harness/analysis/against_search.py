"""Each method against what random search finds with the protocol's budget."""

from __future__ import annotations

import math

import pandas as pd

from harness.analysis.columns import BASELINE
from harness.analysis.pooled import METHODS, against
from harness.plan.jobs import RANDOM

SEARCH = "random_search"
AGAINST = [*METHODS, "images"]


def against_search(runs: pd.DataFrame, searches: pd.DataFrame) -> pd.DataFrame:
    """One row per method and space of which a dataset has both: as `harness.analysis.pooled`, with the finds of random
    search in the place of the random architectures. `images`: those that the method's searches see over those that
    random search sees, the mean over datasets; nan where the evaluations are lookups."""
    frame = against(SEARCH, runs)
    frame = frame[frame["datasets"] > 0].reset_index(drop=True)
    seen = searches[searches["method"] != RANDOM].groupby([*BASELINE, "method"])["images"].mean().astype(float)
    return frame.assign(images=[_ratio(seen, row.method, row.space) for row in frame.itertuples()])[AGAINST]


def _ratio(seen: pd.Series, method: str, space: str) -> float:
    ratios = [
        value / seen[dataset, space, SEARCH]
        for (dataset, at, name), value in seen.items()
        if (at, name) == (space, method) and seen.get((dataset, space, SEARCH), 0) > 0
    ]
    return sum(ratios) / len(ratios) if ratios else math.nan
