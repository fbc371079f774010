"""Where the spread of test accuracies comes from: datasets, architectures, training seeds.

The design is nested: a random architecture belongs to one dataset, and its training seeds are its own, so no two
architectures share one (`harness.plan.seeds`). Components that the data cannot separate are reported as one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from harness.analysis.results import in_percent

DESIGN = ["space", "method", "cells"]
VARIANCE = ["dataset", *DESIGN, "component", "n", "degrees", "variance", "deviation", "share", "negative"]
ALL = "all"
TRAINED_ONCE = "architecture and training seed"


def components(values: ArrayLike, levels: ArrayLike) -> tuple[NDArray[np.floating], NDArray[np.intp]]:
    """(variances, degrees of freedom) of a nested random-effects design, (levels + 1,): coarsest level first, what
    differs inside the finest level last. Unbalanced designs are allowed; variances may come out negative.

    values (n,); levels (L, n): the group of each value at each level, every group inside one group of the level before.
    Method of moments, Henderson's method 1 (Searle, Casella and McCulloch, Variance components, 1992, chapter 5): with
    T_l = sum of n_g mean_g² over the groups g of level l, T_l - T_(l-1) is set equal to its expectation, in which the
    variance of level m has the coefficient C_lm - C_(l-1)m, C_lm = sum over g of (sum of n_h² over groups h of level m
    inside g) / n_g; C_lm is n for every level m that is coarser than l, or l itself.
    """
    centred = np.asarray(values, float)
    centred = centred - centred.mean()  # changes no difference of squares, and keeps their digits
    n = len(centred)
    codes = [
        np.zeros(n, int),
        *(np.unique(level, return_inverse=True)[1] for level in np.asarray(levels)),
        np.arange(n),
    ]
    sizes = [np.bincount(code) for code in codes]
    squares = [np.sum(np.bincount(code, centred) ** 2 / size) for code, size in zip(codes, sizes)]
    depth = range(len(codes))
    inside = np.array([[_coefficient(codes, sizes, level, of) for of in depth[1:]] for level in depth])
    return np.linalg.solve(np.diff(inside, axis=0), np.diff(squares)), np.diff([len(size) for size in sizes])


def _coefficient(codes: list[NDArray[np.intp]], sizes: list[NDArray[np.intp]], level: int, of: int) -> float:
    """C_lm, as a sum over the values: each carries the size of its group at level m over that at level l."""
    if of <= level:
        return len(codes[0])
    return float(np.sum(sizes[of][codes[of]] / sizes[level][codes[level]]))


def variance(trainings: pd.DataFrame) -> pd.DataFrame:
    """One row per component of each design that the trainings allow, accuracies in percent: for all datasets of a
    method and depth together, and for each dataset in which architectures were trained more than once.

    variance in points², its root `deviation` in points, `share` of the sum; a negative estimate is set to 0 and marked.
    n: datasets, architectures or trainings.
    """
    done = in_percent(trainings.dropna(subset=["accuracy"]))
    known = done["arch"].fillna("").astype("str")
    done = done.assign(architecture=known.where(known != "", "seed " + done["seed"].astype("str")))
    rows = [
        row for names, group in done.groupby(DESIGN, dropna=False) for row in _rows(dict(zip(DESIGN, names)), group)
    ]
    return pd.DataFrame(rows, columns=VARIANCE).astype({"cells": "Int64"})


def _rows(design: dict[str, Any], group: pd.DataFrame) -> Iterator[dict[str, Any]]:
    if group["dataset"].nunique() > 1:
        yield from _decomposed({"dataset": ALL, **design}, group, ["dataset", "architecture"])
    for dataset, part in group.groupby("dataset"):
        if part["architecture"].nunique() < len(part):
            yield from _decomposed({"dataset": dataset, **design}, part, ["architecture"])


def _decomposed(axes: dict[str, Any], group: pd.DataFrame, names: list[str]) -> Iterator[dict[str, Any]]:
    """No rows where a level has no more groups than the level above it: nothing varies there."""
    levels = {"dataset": group["dataset"], "architecture": group["dataset"] + "\n" + group["architecture"]}
    names = [*names, "training seed"]
    if levels["architecture"].nunique() == len(group):
        names = [*names[:-2], TRAINED_ONCE]
    kept = np.array([levels[name] for name in names[:-1]], dtype=object)
    groups = [1, *(len(set(level)) for level in kept), len(group)]
    if min(np.diff(groups)) < 1:
        return
    raw, degrees = components(group["accuracy"], kept)
    known = np.maximum(raw, 0)
    share = known / known.sum() if known.sum() else np.full(len(known), np.nan)
    for name, n, freedom, value, part, negative in zip(names, groups[1:], degrees, known, share, raw < 0):
        row = {**axes, "component": name, "n": n, "degrees": freedom, "variance": value, "deviation": value**0.5}
        yield {**row, "share": part, "negative": bool(negative)}
