"""How well proxies rank architectures: rank correlations with final accuracy, beside what counting parameters gives.

The same study takes the random architectures of a benchmark (`proxies`) and the rows of a table (`study`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from harness.analysis.columns import BASELINE
from harness.analysis.statistics import LEVEL, NO_INTERVAL
from harness.plan import registry
from harness.plan.jobs import RANDOM

CONTROL = "params"
STUDY = ["proxy", "n", "spearman", "low", "high", "kendall", "n_valid", "valid", "valid_low", "valid_high", "n_top"]
STUDY += ["top", "top_low", "top_high", "partial", "gain", "ceiling", "seconds"]
PROXIES = [*BASELINE, *STUDY]
FEWEST = 8
"""Architectures below which a rank correlation is left out."""
Numbers = NDArray[np.float64]


def proxies(trainings: pd.DataFrame, scores: pd.DataFrame) -> pd.DataFrame:
    """One row per dataset, space and proxy: `study` of the random architectures that were scored and trained, the best
    proxy first. The ceiling needs architectures that were trained twice at the protocol's number of cells."""
    known = trainings[(trainings["method"] == RANDOM) & trainings["accuracy"].notna()]
    rows: list[dict[str, Any]] = []
    for names, group in scores.groupby(BASELINE, sort=True):
        of = known[(known[BASELINE] == list(names)).all(axis=1)]
        main = of[of["main"]].set_index("seed")
        wide = group.pivot(index="seed", columns="proxy", values="score").reindex(main.index)
        if len(main):
            found = study(
                main["accuracy"].to_numpy(float),
                {str(name): wide[name].to_numpy(float) for name in wide},
                _valid(str(names[1]), main["arch"]),
                _ceiling(of, main),
                group.groupby("proxy")["seconds"].median().to_dict(),
            )
            rows += [{**dict(zip(BASELINE, names)), **row} for row in found.to_dict("records")]
    return pd.DataFrame(rows, columns=PROXIES)


def study(
    accuracy: Numbers,
    scores: Mapping[str, Numbers],
    valid: NDArray[np.bool_],
    ceiling: float,
    seconds: Mapping[str, float],
) -> pd.DataFrame:
    """One row per proxy, the largest Spearman first. All arrays: (architectures,), nan where something is unknown.

    All rows are of the architectures that every proxy gives a number, but for proxies that have none for most.
    `spearman`, `kendall`: of scores with accuracies. `valid`: Spearman among architectures that let the image through;
    `top`: among the tenth that is best by accuracy. `low` and `high`: 95% intervals (see `interval`). `partial`:
    Spearman with the ranks of `params` held fixed. `gain`: Spearman of the sum of both ranks less that of `params`.
    """
    control, common = scores.get(CONTROL), np.isfinite(accuracy)
    for values in scores.values():
        if np.isfinite(values).mean() >= 0.5:
            common = common & np.isfinite(values)
    rows = []
    for name, values in scores.items():
        there = np.isfinite(values) & common
        best = there & (accuracy >= np.quantile(accuracy[there], 0.9)) if there.any() else there
        row: dict[str, Any] = {"proxy": name, "ceiling": ceiling, "seconds": seconds.get(name, math.nan)}
        for part, chosen in {"": there, "valid": there & valid, "top": best}.items():
            row |= _agreement(values[chosen], accuracy[chosen], part)
        row["kendall"] = _kendall(values[there], accuracy[there])
        if control is not None and name != CONTROL:
            row["partial"], row["gain"] = beside(values[there], accuracy[there], control[there])
        rows.append(row)
    found = pd.DataFrame(rows, columns=STUDY)
    return found.sort_values("spearman", ascending=False, kind="stable", ignore_index=True)


def beside(values: Numbers, accuracy: Numbers, control: Numbers) -> tuple[float, float]:
    """(Spearman's partial correlation of values and accuracy given the control, by how much the sum of both ranks
    correlates more than the control alone)."""
    x, y, z = (stats.rankdata(each) for each in (values, accuracy, control))
    xy, xz, zy = spearman(values, accuracy), spearman(values, control), spearman(control, accuracy)
    rest = math.sqrt((1 - xz**2) * (1 - zy**2)) if math.isfinite(xz * zy) else math.nan
    partial = (xy - xz * zy) / rest if rest > 1e-9 else math.nan
    return partial, spearman(x + z, y) - zy


def spearman(x: Numbers, y: Numbers) -> float:
    """nan for fewer than 8 architectures, or where one of the two is constant."""
    if len(x) < FEWEST or not np.ptp(x) or not np.ptp(y):
        return math.nan
    return float(stats.spearmanr(x, y).statistic)


def interval(correlation: float, n: int) -> tuple[float, float]:
    """The 95% interval of Spearman's correlation: Fisher's z with the standard error sqrt((1 + r²/2) / (n - 3)) (Bonett
    and Wright, Sample size requirements for estimating Pearson, Kendall and Spearman correlations, 2000)."""
    if not math.isfinite(correlation) or abs(correlation) == 1:
        return NO_INTERVAL
    margin = float(stats.norm.isf((1 - LEVEL) / 2)) * math.sqrt((1 + correlation**2 / 2) / (n - 3))
    return math.tanh(math.atanh(correlation) - margin), math.tanh(math.atanh(correlation) + margin)


def _agreement(values: Numbers, accuracy: Numbers, part: str) -> dict[str, float]:
    found = spearman(values, accuracy)
    low, high = interval(found, len(values))
    if not part:
        return {"n": len(values), "spearman": found, "low": low, "high": high}
    return {f"n_{part}": len(values), part: found, f"{part}_low": low, f"{part}_high": high}


def _kendall(values: Numbers, accuracy: Numbers) -> float:
    enough = len(values) >= FEWEST and np.ptp(values) and np.ptp(accuracy)
    return float(stats.kendalltau(values, accuracy).statistic) if enough else math.nan


def valid(space: str, texts: list[str]) -> NDArray[np.bool_]:
    """Whether each architecture lets the image through: all do where the space does not say."""
    found = registry.space(space) if registry.known_space(space) else None
    connected = getattr(found, "connected", None)
    if found is None or connected is None:
        return np.ones(len(texts), bool)
    return np.array([connected(found.parse(text)) for text in texts], bool)


def _valid(space: str, texts: pd.Series) -> NDArray[np.bool_]:
    return valid(space, texts.tolist())


def _ceiling(of: pd.DataFrame, main: pd.DataFrame) -> float:
    """Spearman between two trainings of the same architectures: what a perfect proxy would reach."""
    again = of[(of["repeat"] == 1) & of["cells"].isin(main["cells"].unique())].set_index("seed")["accuracy"]
    both = main["accuracy"].to_frame("first").join(again.rename("second"), how="inner")
    return spearman(both["first"].to_numpy(float), both["second"].to_numpy(float))
