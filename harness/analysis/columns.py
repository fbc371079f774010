"""The columns that say what a row of a data frame belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

BASELINE = ["dataset", "space"]
"""Runs that agree in these are compared with the same random architectures."""
GROUP = [*BASELINE, "method"]
"""Runs that agree in these differ in their seed alone."""
RUN = [*GROUP, "seed"]


def by_group(frame: pd.DataFrame) -> dict[tuple[str, str, str], pd.DataFrame]:
    """The rows of each (dataset, space, method), sorted by these names."""
    return dict(iter(frame.groupby(GROUP, sort=True)))
