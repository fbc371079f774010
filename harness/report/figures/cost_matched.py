"""What each method gained over random search of the same cost."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from harness.analysis.analysis import Analysis
from harness.report.figures.forest import forest
from harness.report.figures.style import Colours


def data(analysis: Analysis) -> pd.DataFrame:
    return analysis.cost_matched


def draw(data: pd.DataFrame, colours: Colours) -> Figure:
    rows = data.rename(columns={"gain": "value", "gain_low": "low", "gain_high": "high"})
    return forest(rows.assign(filled=True), colours, "gain over random search, %")
