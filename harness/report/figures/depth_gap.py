"""How well the ranks of random architectures agree between depths, beside the ceilings of that agreement."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from harness.analysis.analysis import Analysis
from harness.analysis.columns import BASELINE
from harness.report.figures import style
from harness.report.figures.style import GREY, Colours
from harness.report.typeset import from_to

Agreement = tuple[str, float, float, float, bool]
"""(label, tau, low, high, whether it is a ceiling)."""


def data(analysis: Analysis) -> pd.DataFrame:
    return analysis.depth_gap[analysis.depth_gap["tau"].notna()]


def draw(data: pd.DataFrame, colours: Colours) -> Figure:
    """One panel per dataset and space: rank agreement between depths, below it the ceilings."""
    groups = list(data.groupby(BASELINE))
    lists = [_agreements(group) for _, group in groups]
    labels = [label for agreements in lists for label, *_ in agreements]
    height = 0.2 * max(map(len, lists)) + 0.7
    figure, axes = style.panels(len(groups), height, 1.9, style.inches(labels))
    for axis, ((dataset, space), group), agreements in zip(axes, groups, lists):
        for y, (_, tau, low, high, ceiling) in enumerate(agreements):
            colour = GREY if ceiling else style.PALETTE[0]
            axis.plot([low, high], [y, y], color=colour, linewidth=1.5)
            axis.plot(tau, y, "s" if ceiling else "o", color=colour, markersize=5)
        style.zero_line(axis)
        axis.set(yticks=range(len(agreements)), yticklabels=[label for label, *_ in agreements])
        axis.set(ylim=(len(agreements) - 0.4, -0.6), xlim=(-1.05, 1.05), xlabel="Kendall's τ")
        style.head(axis, style.place(dataset, space), f"n = {from_to(group['n'])}")
        axis.grid(axis="y", visible=False)
    entries = [style.entry("two depths", style.PALETTE[0])]
    if any(ceiling for agreements in lists for *_, ceiling in agreements):
        entries.append(style.entry("ceiling: two seeds", GREY, "s"))
    style.legend(figure, entries)
    return figure


def _agreements(group: pd.DataFrame) -> list[Agreement]:
    """Every pair of depths, then every depth that was repeated."""
    pairs = [
        (f"{row.cells_small} and {row.cells_large} cells", row.tau, row.tau_low, row.tau_high, False)
        for row in group.itertuples()
    ]
    ceilings: dict[int, tuple[float, float, float]] = {}
    for row in group.itertuples():
        ceilings[row.cells_small] = (row.ceiling_small, row.ceiling_small_low, row.ceiling_small_high)
        ceilings[row.cells_large] = (row.ceiling_large, row.ceiling_large_low, row.ceiling_large_high)
    known = {cells: ceiling for cells, ceiling in sorted(ceilings.items()) if not pd.isna(ceiling[0])}
    return [*pairs, *((f"{cells} cells, twice", *ceiling, True) for cells, ceiling in known.items())]
