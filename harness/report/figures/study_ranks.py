"""Every architecture under the reference and under a variant, with the agreement of ranks and its ceiling."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from harness.analysis.analysis import Analysis
from harness.report.figures import style
from harness.report.figures.style import Colours
from harness.report.typeset import fold, number

AXES = ["study", "dataset", "space", "variant"]
MOST = 24
"""Panels: the first variants of many."""


def data(analysis: Analysis) -> pd.DataFrame:
    found = analysis.studies[[*AXES, "tau", "ceiling_reference", "ceiling_variant"]]
    return analysis.study_points.merge(found, on=AXES, how="left")


def draw(data: pd.DataFrame, colours: Colours) -> Figure:
    """One panel per study, dataset and variant, 24 at most."""
    groups = list(data.groupby(AXES, sort=False))[:MOST]
    figure, axes = style.panels(len(groups), 2.0, 2.1)
    for axis, ((study, dataset, _, variant), group) in zip(axes, groups):
        dots: dict[str, Any] = {"color": style.PALETTE[0], "linewidth": 0, "alpha": 0.8}
        axis.scatter(group["accuracy_reference"], group["accuracy_variant"], s=12, **dots)
        axis.set(xlabel="reference, %", ylabel="variant, %")
        axis.set_title(fold(f"{style.study(study, dataset)}: {variant}", 34), fontsize=7.5)
        low, high = axis.get_ylim()
        axis.set_ylim(low, high + 0.3 * (high - low))  # room for the text
        axis.text(0.02, 0.98, _said(group), transform=axis.transAxes, va="top", fontsize=7)
    return figure


def _said(group: pd.DataFrame) -> str:
    row = group.iloc[0]
    ceilings = [number(value) for value in (row["ceiling_reference"], row["ceiling_variant"]) if not pd.isna(value)]
    said = f"n = {len(group)}, τ {number(row['tau'])}"
    return f"{said}\nceilings {'; '.join(ceilings)}" if ceilings else said
