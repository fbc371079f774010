"""How often the report would be wrong, and what it would find: its tests on pseudo-methods of known effect, drawn from
the run's own random architectures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.analysis.columns import GROUP, by_group
from harness.analysis.permutation import Array, Stratum, arrangements, tails
from harness.analysis.pooled import usable
from harness.analysis.statistics import ALPHA, generator, holm
from harness.plan.jobs import RANDOM

EFFECTS = (0, 1, 2, 5, 10)
"""In percent of the random architectures' mean."""
TABLES, TESTS = 300, 6000
"""At most so many tables, and where a table has many cells only as many as have so many tests of cells together."""
CHUNK = 50
MOST = {"methods": 2000, "cells": 4000}
"""Arrangements at most: fewer than the report's own tests have, of the same level."""
CALIBRATION = [
    *("family", "effect", "tests", "tables", "better", "worse", "better_holm", "worse_holm", "any_holm"),
]
Cell = tuple[str, str, str]
"""(dataset, space, method)."""
Sample = tuple[Array, Array]
"""(n, tables) of a pseudo-method, (k, tables) of its pseudo-baseline."""


def calibration(runs: pd.DataFrame) -> pd.DataFrame:
    """One row per family of tests, the methods over all datasets and the cells, and true effect in percent.

    `tables` times every method's runs and every baseline are drawn anew, as many as the run has, with replacement from
    the random architectures of the same dataset and space; the pseudo-method's values are then multiplied. Shares, 0
    to 1: of all tests that are called better or worse by p <= 0.05 (better, worse), and so after Holm's correction
    (better_holm, worse_holm); of tables in which any test is called after it (any_holm). Effect 0 gives errors, the
    others power, where every method has the effect.
    """
    groups = by_group(runs.dropna(subset=["accuracy"]))
    compared = [cell for cell in groups if _compared(cell, groups)]
    tables = max(CHUNK // 2, min(TABLES, TESTS // max(1, len(compared))))
    cells = {cell: _drawn(cell, groups, tables) for cell in compared}
    methods: dict[tuple[str, ...], list[Sample]] = {}
    for cell, sample in cells.items():
        methods.setdefault(cell[1:], []).append(sample)
    families = {"methods": list(methods.values()), "cells": [[sample] for sample in cells.values()]}
    rows = [
        {"family": name, "effect": effect, "tests": len(family), "tables": tables, **_shares(*found)}
        for name, family in families.items()
        if family
        for effect, found in zip(EFFECTS, _tails(family, MOST[name]))
    ]
    return pd.DataFrame(rows, columns=CALIBRATION)


def _compared(cell: Cell, groups: dict[Cell, pd.DataFrame]) -> bool:
    random = groups.get((*cell[:2], RANDOM))
    return cell[2] != RANDOM and random is not None and usable(groups[cell]["accuracy"], random["accuracy"])


def _drawn(cell: Cell, groups: dict[Cell, pd.DataFrame], tables: int) -> Sample:
    """Methods of one dataset and space share their pseudo-baseline, as they do in the report."""
    baseline = (*cell[:2], RANDOM)
    population = _population(groups[baseline]["accuracy"].to_numpy(float))
    method, random = (
        generator(purpose="calibration", **dict(zip(GROUP, one))).choice(population, (len(groups[one]), tables))
        for one in (cell, baseline)
    )
    return method, random


def _population(values: Array) -> Array:
    """Spread out about their mean, so that their variance as a population is what it estimates (ddof 1)."""
    centre = values.mean()
    spread = centre + (values - centre) * np.sqrt(len(values) / (len(values) - 1))
    return np.maximum(spread, 1e-3 * centre)  # no accuracy is below 0


def _tails(family: Sequence[Sequence[Sample]], most: int) -> NDArray[np.float64]:
    """(effects, 2, tables, tests): the shares of arrangements as high as observed, and as low."""
    return np.stack([_tails_of(samples, most) for samples in family], axis=-1)


def _tails_of(samples: Sequence[Sample], most: int) -> NDArray[np.float64]:
    dealt = [
        arrangements(len(method), len(random), number, most, every=len(samples) == 1)
        for number, (method, random) in enumerate(samples)
    ]
    chunks = []
    for start in range(0, samples[0][0].shape[1], CHUNK):
        of = slice(start, start + CHUNK)
        strata = [Stratum.of(method[:, of], random[:, of], how) for (method, random), how in zip(samples, dealt)]
        chunks.append([tails(strata, 1 + effect / 100) for effect in EFFECTS])
    return np.concatenate([np.array(chunk) for chunk in chunks], axis=-1)


def _shares(high: Array, low: Array) -> dict[str, float]:
    p = np.minimum(1.0, 2 * np.minimum(high, low))
    own, corrected, better = p <= ALPHA, holm(p) <= ALPHA, high < low
    return {
        **{"better": float(np.mean(own & better)), "worse": float(np.mean(own & ~better))},
        **{"better_holm": float(np.mean(corrected & better)), "worse_holm": float(np.mean(corrected & ~better))},
        "any_holm": float(np.mean(corrected.any(axis=-1))),
    }
