"""What the methods found, one picture per space: cells as arcs between states, layer-wise networks as strips of bars,
other notations as text. Each row or column is one search, so that one sees what recurs."""

from __future__ import annotations

import textwrap

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from harness.analysis.analysis import Analysis
from harness.analysis.columns import GROUP, RUN
from harness.plan import titles
from harness.plan.jobs import RANDOM
from harness.report.figures import cells, drawing, strips
from harness.report.figures.style import PAGE, Colours
from spaces.base import UserError

SEEDS, ROWS = 3, 24  # at most so many seeds of a method; the first seed alone where the rows would be more than this


def data(analysis: Analysis) -> pd.DataFrame:
    """Of each method, space and dataset the architectures of the first seeds, with their accuracies in percent, and how
    many were found; random architectures are left out."""
    runs = analysis.finished_runs
    known = runs[(runs["method"] != RANDOM) & runs["arch"].notna()].sort_values(RUN)
    order = known.groupby(GROUP).cumcount()
    datasets = known.groupby(["space", "method"])["dataset"].transform("nunique")
    crowd = known[order < SEEDS].groupby("space")["method"].nunique().mul(SEEDS)
    few = known["space"].map(crowd) * np.where(known["arch"].str.startswith("{"), 2, datasets) <= ROWS
    known = known.assign(found=known.groupby(GROUP)["seed"].transform("size"))
    return known[order < np.where(few, SEEDS, 1)][[*RUN, "accuracy", "arch", "found"]]


def draw(data: pd.DataFrame, colours: Colours) -> Figure:
    """data: of one space. Notations that are neither cells nor layers, or that cannot be read, are printed as text."""
    try:
        designs = [drawing.parsed(text) for text in data["arch"]]
        if all(map(drawing.is_genotype, designs)):
            return cells.draw(data, designs, _said(data))
        if all(map(drawing.is_strip, designs)):
            return strips.draw(data, designs, _said(data))
    except UserError:
        pass
    return _texts(data)


def _said(data: pd.DataFrame) -> str:
    """ "n = 15 of 25 architectures"."""
    return f"n = {len(data)} of {data.drop_duplicates(GROUP)['found'].sum()} architectures"


def _texts(rows: pd.DataFrame) -> Figure:
    lines = [
        f"{titles.dataset(row.dataset)}, {titles.method(row.method)}, seed {row.seed}: {row.arch}"
        for row in rows.itertuples()
    ]
    text = "\n".join(textwrap.fill(line, 110, subsequent_indent="    ") for line in [_said(rows), *lines])
    figure = plt.figure(figsize=(PAGE, 0.13 * (text.count("\n") + 1) + 0.2))
    figure.text(0.01, 0.99, text, va="top", fontsize=6.5, family="monospace")
    return figure
