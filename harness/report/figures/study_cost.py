"""How well cheaper trainings rank, against their cost."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.analysis.analysis import Analysis
from harness.report.figures import style
from harness.report.figures.style import GREY, Colours

COLUMNS = ["study", "dataset", "space", "variant", "kind", "n", "tau", "tau_low", "tau_high", "cost_ratio", "cost"]


def data(analysis: Analysis) -> pd.DataFrame:
    """The reference's tau is its ceiling: of two of its own trainings."""
    frame = analysis.studies
    priced = frame[frame["cost"].gt(0) & frame["tau"].notna() & frame["kind"].isin(["variant", "reference"])]
    compared = priced.groupby(["study", "dataset"])["kind"].transform(lambda kinds: (kinds == "variant").any())
    return priced.loc[compared.astype(bool), COLUMNS]


def draw(data: pd.DataFrame, colours: Colours) -> Figure:
    """One panel per study and dataset; the ceiling with its interval is a band."""
    groups = list(data.groupby(["study", "dataset"], sort=False))
    figure, axes = style.panels(len(groups), 2.1, 2.1)
    for axis, ((study, dataset), group) in zip(axes, groups):
        _panel(axis, group)
        style.head(axis, style.study(study, dataset), f"n = {group['n'].max()}")
    style.outer_labels(axes, "images × multiply-adds, × reference", "Kendall's τ with the reference")
    entries = [style.entry("variant", style.PALETTE[0])]
    if (data["kind"] == "reference").any():
        entries.append(style.entry("ceiling: two seeds of the reference", GREY, "", linestyle="-"))
    style.legend(figure, entries)
    return figure


def _panel(axis: Axes, group: pd.DataFrame) -> None:
    """Names stand where they do not cover each other; the CSV has all."""
    named: list[tuple[float, float]] = []
    for row in group.itertuples():
        if row.kind == "reference":
            axis.axhspan(row.tau_low, row.tau_high, color="0.9", linewidth=0, zorder=0)
            axis.axhline(row.tau, color=GREY, linewidth=1.2)
            continue
        axis.plot([row.cost_ratio] * 2, [row.tau_low, row.tau_high], color=style.PALETTE[0], linewidth=0.8, alpha=0.6)
        axis.plot(row.cost_ratio, row.tau, "o", color=style.PALETTE[0], markersize=4)
        if all(abs(row.tau - tau) > 0.05 or abs(row.cost_ratio / cost - 1) > 0.2 for cost, tau in named):
            axis.annotate(row.variant, (row.cost_ratio, row.tau), (3, 2), textcoords="offset points", fontsize=5.5)
            named.append((row.cost_ratio, row.tau))
    axis.set_xscale("log", base=2)
    axis.xaxis.set_major_formatter(lambda value, _: f"{value:.3g}")
    axis.set_xlim(group["cost_ratio"].min() / 1.3, max(1.0, group["cost_ratio"].max()) * 1.8)
    lowest = min(group["tau"].min(), group["tau_low"].min())  # min of pandas leaves out what is missing
    axis.set_ylim(min(-0.1, lowest - 0.05), 1.05)
