"""What each variant of each study changes."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from harness.analysis.analysis import Analysis
from harness.analysis.statistics import ALPHA
from harness.plan import titles
from harness.report.typeset import Table, estimate, from_to, number, probability

HEADERS = [
    *("study", "dataset", "variant", "n × repeats", "accuracy, %", "difference, points\n[95% interval]"),
    *("in seed sd\n[95% interval]", "p", "p (Holm)", "tau\n[95% interval]", "ceilings"),
    *("ceiling − tau\n[95% interval]", "p", "correlation\n[95% interval]", "regret\n(seed's)", "cost"),
]


def numbers(analysis: Analysis) -> pd.DataFrame:
    return analysis.studies


def layout(analysis: Analysis, origin: str) -> Table:
    frame = analysis.studies
    rows = [
        [
            *(row.study, row.dataset, row.variant, _trainings(row), _mean(row)),
            *(_of(row, "difference", "low", "high"), _of(row, "effect")),
            *(probability(row.p), probability(row.p_holm), _of(row, "tau", sign=False), _ceilings(row)),
            *(_of(row, "gap"), probability(row.gap_p), _of(row, "correlation", sign=False)),
            *(_regret(row), _cost(row)),
        ]
        for row in frame.itertuples()
    ]
    caption = (
        f"Studies: the same architectures (n = {from_to(frame['n'])}) under variants of the protocol's setting; the"
        " first row of each is the reference, effects are those of a factorial. Difference: to the reference, paired by"
        " architecture, with the interval and p of the sign-flip permutation test; the interval excludes 0 where p is"
        " at most 0.05, and below six architectures there is none. Holm: over all differences of a study. Seed sd: of"
        " single trainings of one architecture under one variant. Tau: Kendall's rank agreement of one training under"
        " the variant with one under the reference; for the reference, of two of its own. Ceilings: of two trainings"
        " that differ in their seed alone, under the reference; under the variant. Ceiling − tau: jackknife over"
        " architectures, Student's t. Correlation: disattenuated, jackknife. Regret: points lost where one training"
        " under the variant chooses, judged by one under the reference; the seed's: where another one of the reference"
        " chooses. Cost: images × multiply-adds of a training, as a multiple of the reference's."
        f" {origin}"
    )
    bold = {(i, j) for i, p in enumerate(frame["p_holm"]) if p <= ALPHA for j in (5, 8)}
    return Table(HEADERS, rows, caption, _notes(frame), bold=bold)


def _of(row: Any, name: str, low: str = "", high: str = "", sign: bool = True) -> str:
    ends = (getattr(row, low or f"{name}_low"), getattr(row, high or f"{name}_high"))
    return estimate(getattr(row, name), *ends, sign=sign)


def _trainings(row: Any) -> str:
    return f"{row.n}" if pd.isna(row.repeats) else f"{row.n} × {row.repeats:.0f}"


def _mean(row: Any) -> str:
    return number(row.accuracy) if pd.isna(row.deviation) else f"{number(row.accuracy)} ± {number(row.deviation)}"


def _ceilings(row: Any) -> str:
    both = number(row.ceiling_reference), number(row.ceiling_variant)
    return "–" if set(both) == {"–"} else "; ".join(both)


def _regret(row: Any) -> str:
    return "–" if pd.isna(row.regret) else f"{number(row.regret)} ({number(row.regret_ceiling)})"


def _cost(row: Any) -> str:
    return "1" if row.kind == "reference" and row.cost > 0 else number(row.cost_ratio)


def _notes(frame: pd.DataFrame) -> list[str]:
    """What the reference's repeats say of a choice."""
    return [
        f"{row.study} on {titles.dataset(row.dataset)}: the architectures are {100 * row.intraclass:.0f}% of the"
        f" variance of single trainings of the reference; the best of {row.n} is found in 95% of simulated worlds with"
        f" {_seeds(row)} trainings each."
        for row in frame.dropna(subset=["intraclass"]).itertuples()
    ]


def _seeds(row: Any) -> str:
    return "more than 1,024" if math.isinf(row.seeds_for_top) else f"{row.seeds_for_top:.0f}"
