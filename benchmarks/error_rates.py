"""How often the report's test is wrong, and how often its interval holds the truth, on simulated tables.

    python -m benchmarks.error_rates [accuracies.csv.xz]

prints the table of docs/statistics.md, in two minutes on one core. Populations: normal and skewed ones with the spread
of small networks, and, where its file is given, the test accuracies of all 15,625 architectures of NAS-Bench-201 on
CIFAR-10 (column test200_c10, in percent). n runs of a method and k random architectures are drawn independently. Each
test is the report's own, with fewer arrangements than the report takes, which leaves its level as it is.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from harness.analysis.permutation import Array, Stratum, arrangements, tails
from harness.analysis.statistics import ALPHA, LEVEL, generator

SIZES = ((3, 6), (5, 10), (5, 30), (8, 16), (8, 32), (30, 100))
TABLES, CHUNK, ARRANGEMENTS, DATASETS = 4000, 100, 4000, 5
HEADERS = (
    *("accuracies", "n × k", "better", "worse", "Welch's test", "interval", "interval, half the spread"),
    *("t interval", "over 5 datasets: better", "worse"),
)
Draw = Callable[[np.random.Generator, tuple[int, int]], Array]


def populations(nasbench201: str | None) -> dict[str, tuple[Draw, float]]:
    """Name -> (how accuracies are drawn, their mean)."""
    known: dict[str, tuple[Draw, float]] = {
        "normal": (lambda rng, shape: rng.normal(0.9, 0.03, shape), 0.9),
        "skewed": (
            lambda rng, shape: np.maximum(0.95 - 0.03 * rng.lognormal(0, 0.9, shape), 0.05),
            0.95 - 0.03 * np.exp(0.9**2 / 2),
        ),
    }
    if nasbench201:
        values = pd.read_csv(nasbench201)["test200_c10"].to_numpy(float)
        known["NAS-Bench-201"] = (lambda rng, shape: rng.choice(values, shape), float(values.mean()))
    return known


def _tails(method: Array, random: Array, datasets: int = 1) -> tuple[Array, Array]:
    """The tails of the report's test, of each of many tables; method (datasets * n, tables)."""
    high, low = [], []
    for start in range(0, method.shape[1], CHUNK):
        parts = [np.split(values[:, start : start + CHUNK], datasets) for values in (method, random)]
        strata = [
            Stratum.of(a, b, arrangements(len(a), len(b), number, ARRANGEMENTS, every=datasets == 1))
            for number, (a, b) in enumerate(zip(*parts))
        ]
        one = tails(strata)
        high.append(one[0])
        low.append(one[1])
    return np.concatenate(high), np.concatenate(low)


def _called(high: Array, low: Array) -> tuple[float, float]:
    """Shares of tables that are called better, and worse."""
    return float(np.mean(2 * high <= ALPHA)), float(np.mean(2 * low <= ALPHA))


def _welch(method: Array, random: Array) -> float:
    return float(np.mean(stats.ttest_ind(method, random, equal_var=False).pvalue <= ALPHA))


def _t_interval(method: Array, random: Array) -> NDArray[np.bool_]:
    """Whether exp(ln(m / r) ± t se), Satterthwaite's degrees of freedom, holds a ratio of 1, of each table."""
    sizes = np.array([len(method), len(random)])
    parts = np.array([x.var(axis=0, ddof=1) / (len(x) * x.mean(axis=0) ** 2) for x in (method, random)])
    freedom = parts.sum(axis=0) ** 2 / np.sum(parts**2 / (sizes - 1)[:, None], axis=0)
    reach = stats.t.isf((1 - LEVEL) / 2, freedom) * np.sqrt(parts.sum(axis=0))
    return np.abs(np.log(method.mean(axis=0) / random.mean(axis=0))) <= reach


def rates(name: str, draw: Draw, mean: float, n: int, k: int) -> Iterator[float]:
    """The numbers of one row, as shares of tables."""
    rng = generator(purpose="error_rates", population=name, n=n, k=k)
    method, random = draw(rng, (n, TABLES)), draw(rng, (k, TABLES))
    better, worse = _called(*_tails(method, random))
    yield from (better, worse, _welch(method, random), 1 - better - worse)
    yield 1 - sum(_called(*_tails(mean + (method - mean) / 2, random)))
    yield float(np.mean(_t_interval(method, random)))
    half = TABLES // 2
    pooled = draw(rng, (DATASETS * n, half)), draw(rng, (DATASETS * k, half))
    yield from _called(*_tails(*pooled, DATASETS))


def main(nasbench201: str | None = None) -> None:
    print(f"| {' | '.join(HEADERS)} |\n|{'---|' * 2}{'---:|' * (len(HEADERS) - 2)}")
    for name, (draw, mean) in populations(nasbench201).items():
        for n, k in SIZES:
            shown = (f"{100 * rate:.1f}" for rate in rates(name, draw, mean, n, k))
            print(f"| {name} | {n} × {k} | {' | '.join(shown)} |", flush=True)
    if not nasbench201:
        print("NAS-Bench-201 was left out: name its file of accuracies.", file=sys.stderr)


if __name__ == "__main__":
    main(*sys.argv[1:2])
