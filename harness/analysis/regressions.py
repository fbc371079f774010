"""The linear models that searches have fitted and logged: what each feature does to accuracy, or to a cost."""

from __future__ import annotations

import pandas as pd

from harness.analysis.columns import GROUP

COEFFICIENT, QUALITY = " coefficient: ", (" R2", " R2 left out")
"""How such metrics are named: "accuracy coefficient: 3 nor_conv_3x3", "accuracy R2"."""
REGRESSIONS = [*GROUP, "of", "term", "n", "mean", "std", "positive"]


def regressions(curves: pd.DataFrame) -> pd.DataFrame:
    """One row per method, space, dataset, explained quantity and term, a coefficient or an R²: over the last fit of
    each of n searches its mean, its standard deviation (ddof 1) and the share of searches in which it is positive."""
    kept = curves[curves["metric"].map(is_model).astype(bool)].dropna(subset=["value"])
    last = kept.sort_values("epoch", kind="stable").groupby([*GROUP, "metric", "seed"], sort=True)["value"].last()
    rows = []
    for (*names, metric), values in last.groupby(level=[*GROUP, "metric"], sort=True):
        of, _, term = metric.partition(COEFFICIENT)
        if not term:
            of, _, quality = metric.partition(" R2")
            term = f"R²{quality}"
        row = {**dict(zip(GROUP, names)), "of": of, "term": term, "n": len(values)}
        rows.append({**row, "mean": values.mean(), "std": values.std(), "positive": (values > 0).mean()})
    return pd.DataFrame(rows, columns=REGRESSIONS)


def is_model(metric: str) -> bool:
    """Whether a metric that a search logged belongs to a linear model."""
    return COEFFICIENT in metric or metric.endswith(QUALITY)
