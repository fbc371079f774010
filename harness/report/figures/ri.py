"""Relative improvement of each method on each dataset, with its interval and whether it is significant."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from harness.analysis.analysis import Analysis
from harness.analysis.comparison import SIGNIFICANT
from harness.report.figures.forest import forest
from harness.report.figures.style import Colours


def data(analysis: Analysis) -> pd.DataFrame:
    return analysis.relative_improvement.dropna(subset=["ri"])


def draw(data: pd.DataFrame, colours: Colours) -> Figure:
    rows = data.rename(columns={"ri": "value", "holm_low": "low", "holm_high": "high"})
    rows = rows.assign(filled=rows["verdict"].isin(SIGNIFICANT))
    return forest(rows, colours, "relative improvement, %", "significantly better or worse", "not significant")
