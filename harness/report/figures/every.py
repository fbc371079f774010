"""The figures, each as PNG, SVG and PDF with its data as CSV beside it, the same bytes on every call."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from harness.analysis import cost_matched as budget
from harness.analysis import ranking, summaries
from harness.analysis import results as frames
from harness.analysis.results import Results
from harness.report import outline as contents
from harness.report import typeset
from harness.report.figures import gain as figures_gain
from harness.report.figures import gallery, style
from harness.report.figures import runs as figures_runs

Drawn = dict[str, tuple[pd.DataFrame, Callable[[], Figure]]]


def draw_all(results: Results, out: Path) -> None:
    """Writes every figure into the folder `out`; a figure without data says so."""
    style.set_style()
    for name, (data, draw) in {**_compared(results), **_looked_at(results)}.items():
        typeset.write_csv(out / f"{name}.csv", data)
        style.save(draw() if len(data) else style.nothing(name), out / name)


def _colours(results: Results) -> style.Colours:
    return style.colours([*results.trainings["method"], *results.searches["method"]])


def _compared(results: Results) -> Drawn:
    """Methods against random architectures."""
    colours, improvement = _colours(results), summaries.relative_improvement(results)
    known = improvement.dropna(subset=["ri"])
    runs = frames.in_percent(summaries.runs(results).dropna(subset=["accuracy"]))
    ranks, matched, priced = ranking.ranking(improvement), budget.cost_matched(results), _priced(results, known)
    return {
        "ri": (known, lambda: figures_gain.improvement_forest(known, colours)),
        "random_distribution": (
            runs[[*frames.RUN, "accuracy"]],
            lambda: figures_gain.random_distribution(runs, colours),
        ),
        "critical_difference": (ranks, lambda: figures_gain.critical_difference(ranks, colours)),
        "cost_matched": (matched, lambda: figures_gain.cost_matched(matched, colours)),
        "cost_gain": (priced, lambda: figures_gain.cost_gain(priced, colours)),
    }


def _priced(results: Results, improvement: pd.DataFrame) -> pd.DataFrame:
    """Each method's RI beside the cost of its search in retrainings, where both are known."""
    costs = summaries.costs(results).dropna(subset=["search_images", "retraining_images"])
    costs = costs.assign(retrainings=(costs["search_images"] / costs["retraining_images"]).astype(float))
    kept = [*summaries.CELL, "search_images", "retraining_images", "retrainings"]
    gains = improvement[[*summaries.CELL, "ri", "ri_low", "ri_high", "verdict"]]
    return costs[costs["retraining_images"] > 0][kept].merge(gains, on=summaries.CELL)


def _looked_at(results: Results) -> Drawn:
    """Depths, sizes, curves and architectures of single runs."""
    colours = _colours(results)
    gap = summaries.depth_gap(results)
    gap, points = gap[gap["tau"].notna()], summaries.depth_points(results)
    curves = figures_runs.watched(results.curves)
    runs = frames.in_percent(summaries.runs(results).dropna(subset=["accuracy"]))
    sized = runs.dropna(subset=["macs"])[[*frames.RUN, "macs", "accuracy"]].astype({"macs": float})
    drawn: Drawn = {
        "depth_gap": (gap, lambda: figures_runs.depth_gap(gap)),
        "depth_points": (points, lambda: figures_runs.depth_points(points, colours)),
        "search_curves": (curves, lambda: figures_runs.search_curves(curves, colours)),
        "accuracy_macs": (sized, lambda: figures_runs.accuracy_macs(sized, colours)),
    }
    found = gallery.found(runs)
    for space in sorted(runs["space"].unique()):
        of_space = found[found["space"] == space]
        drawn[Path(contents.gallery(space)).name] = (
            of_space,
            lambda rows=of_space: gallery.draw(rows),
        )
    return drawn
