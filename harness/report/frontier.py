"""What the outer search for a cost has found, as a table and a curve."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns

from harness.report import typeset
from harness.report.figures import style
from harness.running.frontier import Probe


def write(probes: list[Probe], field: str, macs: int, out: Path) -> None:
    """frontier.csv, and the curve of cost over the parameter as PNG, SVG and PDF."""
    table = pd.DataFrame(sorted(probes)).rename(columns={"value": field})
    typeset.write_csv(out / "frontier.csv", table)
    style.set_style()
    figure, axis = plt.subplots(figsize=(style.COLUMN, 2.4))
    sns.lineplot(table, x=field, y="macs", marker="o", ax=axis)
    axis.axhline(macs, color=style.GREY, linestyle="--", linewidth=1)
    axis.annotate("wanted", (table[field].max(), macs), ha="right", va="bottom", fontsize=8, color=style.GREY)
    axis.set(xscale="log", xlabel=field.replace("_", " "), ylabel="multiply-adds of what is found")
    style.save(figure, out / "frontier")
