"""One analysis for every study: what a variant changes in accuracies and in ranks, beside what the seed changes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from harness.analysis import crossed
from harness.analysis.crossed import Labels
from harness.analysis.paired import Array, jackknifed, sign_flip
from harness.analysis.panels import Panel, Variant
from harness.analysis.statistics import LEVEL, NO_INTERVAL, holm, mean_tau, rank_agreement, rank_gap
from harness.plan.studies import JOINED, REFERENCE

AXES = ["study", "dataset", "space", "variant"]
STUDIES = [
    *(*AXES, "kind", "n", "repeats", "accuracy", "deviation", "difference", "low", "high", "p", "p_holm"),
    *("effect", "effect_low", "effect_high", "seed_deviation", "tau", "tau_low", "tau_high"),
    *("ceiling_reference", "ceiling_variant", "gap", "gap_low", "gap_high", "gap_p"),
    *("correlation", "correlation_low", "correlation_high", "regret", "regret_ceiling"),
    *("intraclass", "seeds_for_top", "cost", "cost_ratio"),
]
COMPONENTS = [*AXES[:3], "component", "n", "variance", "low", "high", "share", "share_low", "share_high"]
TIMES = [*AXES, "n", "seconds", "seconds_ratio"]
Pair = tuple[Array, Array]


def studies(panels: Sequence[Panel]) -> pd.DataFrame:
    """One row for each variant of each study and dataset, the reference first, for each effect of a factorial, and for
    each further space, compared with the first.

    accuracy, deviation: of the architectures' means over repeats, in percent. difference: to the reference, of the same
    architectures, in points, with the interval and p of the sign-flip test and p corrected over the study by Holm's
    procedure; effect: the same in standard deviations of the training seed. tau, ceilings, gap: as in `depth_gap`, the
    reference in place of the smaller depth. correlation: of the two, disattenuated. regret: points that are lost where
    the best of one training under the variant is chosen, judged by one under the reference, and the same where another
    one under the reference chooses (regret_ceiling). cost: images times multiply-adds of one training.
    """
    rows = [row for panel in panels for row in _rows(panel)]
    frame = pd.DataFrame(rows, columns=STUDIES)
    for _, family in frame.groupby("study"):
        frame.loc[family.index, "p_holm"] = holm(family["p"].astype(float))
    return frame


def _rows(panel: Panel) -> Iterator[dict[str, Any]]:
    reference, *others = panel.variants
    deviation = seed_deviation(panel)
    yield {**_alone(panel, reference, deviation), "kind": "reference", **_top(panel)}
    for variant in others:
        both = np.isfinite(reference.accuracy).any(axis=1) & np.isfinite(variant.accuracy).any(axis=1)
        a, b, drawn = reference.accuracy[both], variant.accuracy[both], panel.drawn[both]
        row = {**_alone(panel, variant, deviation), "kind": "variant", "n": int(both.sum())}
        row |= {"cost_ratio": variant.cost / reference.cost} if reference.cost else {}
        change = _by_draw(np.nanmean(b, axis=1) - np.nanmean(a, axis=1), drawn)
        apart = _one_each(drawn)
        yield row | _difference(change, deviation) | _ranks(panel, variant, a[apart], b[apart])
    for names in (some for n in range(1, len(panel.factors) + 1) for some in itertools.combinations(panel.factors, n)):
        change = _contrast(panel, names)
        axes = {**panel.axes, "variant": f"effect of {' × '.join(names)}", "kind": "effect", "n": len(change)}
        change = _by_draw(change, panel.drawn[panel.everywhere])
        yield {**axes, "seed_deviation": deviation, **_difference(change, deviation)}
    yield from _spaces(panel, deviation)


def _spaces(panel: Panel, deviation: float) -> Iterator[dict[str, Any]]:
    """Of each further space of a study: the difference to the first one, of the draws under the reference. They are
    other architectures: Welch's test, with its interval."""
    trained = np.isfinite(panel.variants[0].accuracy).any(axis=1)
    means, drawn = np.nanmean(panel.variants[0].accuracy[trained], axis=1), panel.drawn[trained]
    spaces = np.array(panel.groups.get("space", panel.archs))[trained]
    for space in list(dict.fromkeys(spaces))[1:] if "space" in panel.groups else ():
        one, other = (_by_draw(means[spaces == name], drawn[spaces == name]) for name in (space, spaces[0]))
        test = stats.ttest_ind(one, other, equal_var=False)
        low, high = test.confidence_interval(LEVEL)
        found = {"difference": float(one.mean() - other.mean()), "low": low, "high": high, "p": float(test.pvalue)}
        axes = {**panel.axes, "variant": f"{space} against {spaces[0]}", "kind": "space", "n": len(one)}
        yield {**axes, "seed_deviation": deviation, **_in_deviations(found, deviation)}


def _by_draw(values: Array, drawn: Labels) -> Array:
    """Means over the architectures of one draw, which are not independent."""
    return np.array([np.nanmean(values[drawn == draw]) for draw in dict.fromkeys(drawn)])


def _one_each(drawn: Labels) -> list[int]:
    """Where the first architecture of each draw stands."""
    return [int(np.flatnonzero(drawn == draw)[0]) for draw in dict.fromkeys(drawn)]


def seed_deviation(panel: Panel) -> float:
    """Of single trainings of one architecture under one variant, pooled over all of the study."""
    squares, free = 0.0, 0
    for variant in panel.variants:
        number = np.isfinite(variant.accuracy).sum(axis=1)
        some = variant.accuracy[number > 1]
        squares += float(np.nansum((some - np.nanmean(some, axis=1, keepdims=True)) ** 2)) if len(some) else 0.0
        free += int((number[number > 1] - 1).sum())
    return math.sqrt(squares / free) if free else math.nan


def _alone(panel: Panel, variant: Variant, deviation: float) -> dict[str, Any]:
    means = np.nanmean(variant.accuracy[np.isfinite(variant.accuracy).any(axis=1)], axis=1)
    repeats = int(np.isfinite(variant.accuracy).any(axis=0).sum())
    spread = {"accuracy": means.mean(), "deviation": means.std(ddof=1), "seed_deviation": deviation}
    return {**panel.axes, "variant": variant.label, "n": len(means), "repeats": repeats, **spread, "cost": variant.cost}


def _difference(change: Array, deviation: float) -> dict[str, float]:
    """change: of each architecture."""
    if not len(change):
        return {}
    p, low, high = sign_flip(change)
    return _in_deviations({"difference": float(change.mean()), "p": p, "low": low, "high": high}, deviation)


def _in_deviations(row: dict[str, float], deviation: float) -> dict[str, float]:
    if not deviation:
        return row
    values = np.array([row["difference"], row["low"], row["high"]]) / deviation
    return row | dict(zip(("effect", "effect_low", "effect_high"), values))


def _top(panel: Panel) -> dict[str, float]:
    """What the reference's own repeats say: tau between two of them, and the seeds that the best one needs."""
    a = panel.variants[0].accuracy[_one_each(panel.drawn)]
    agreement = rank_agreement(_rankable(itertools.combinations(a.T, 2)), **panel.axes, of=REFERENCE)
    row = dict(zip(("tau", "tau_low", "tau_high"), agreement))
    row |= {"regret_ceiling": _regret(itertools.permutations(a.T, 2))}
    _, architecture, _, seed = crossed.components(a[None])[0]
    if math.isnan(seed):
        return row
    ratio = math.sqrt(seed / architecture) if architecture else math.inf
    seeds = crossed.seeds_for_top(len(a), round(ratio, 3) if math.isfinite(ratio) else ratio)
    return row | {"intraclass": crossed.intraclass((math.nan, architecture, math.nan, seed)), "seeds_for_top": seeds}


def _ranks(panel: Panel, variant: Variant, a: Array, b: Array) -> dict[str, float]:
    """a, b: the reference's and the variant's accuracies of the same architectures."""
    if len(a) < 3:
        return {}
    across = _across(a, b, panel.shares_runs)
    cross = _rankable(across)
    ceilings = [_rankable(itertools.combinations(x.T, 2)) for x in (a, b)]
    axes = {**panel.axes, "variant": variant.label}
    row = dict(zip(("tau", "tau_low", "tau_high"), rank_agreement(cross, **axes)))
    row |= dict(zip(("gap", "gap_low", "gap_high", "gap_p"), rank_gap(cross, ceilings)))
    row |= dict(zip(("ceiling_reference", "ceiling_variant"), map(mean_tau, ceilings)))
    whole = _disattenuated(a, b, panel.shares_runs)
    left_out = [_disattenuated(np.delete(a, i, 0), np.delete(b, i, 0), panel.shares_runs) for i in range(len(a))]
    bounds = jackknifed(whole, left_out) if math.isfinite(whole) else NO_INTERVAL
    row |= {"correlation": whole, "correlation_low": bounds[0], "correlation_high": bounds[1]}
    return row | {"regret": _regret(across), "regret_ceiling": _regret(itertools.permutations(a.T, 2))}


def _across(a: Array, b: Array, shared: bool) -> list[Pair]:
    """Every training of `a` with every one of `b`. Of `shared` runs, those of one number make no pair if others do."""
    every = list(itertools.product(enumerate(a.T), enumerate(b.T)))
    apart = [(x, y) for (i, x), (j, y) in every if not (shared and i == j)]
    return apart or [(x, y) for (_, x), (_, y) in every]


def _rankable(pairs: Any) -> list[Pair]:
    """The pairs of trainings that at least three architectures have both of."""
    return [(a, b) for a, b in pairs if np.sum(np.isfinite(a) & np.isfinite(b)) >= 3]


def _correlation(pairs: Any) -> float:
    found = []
    for x, y in _rankable(pairs):
        both = np.isfinite(x) & np.isfinite(y)
        spread = x[both].std() * y[both].std()
        if spread > 0:
            found.append(float(np.mean((x[both] - x[both].mean()) * (y[both] - y[both].mean())) / spread))
    return float(np.mean(found)) if found else math.nan


def _disattenuated(a: Array, b: Array, shared: bool = False) -> float:
    """r_ab / sqrt(r_aa r_bb), of single trainings: what the correlation would be without noise of the seed (Spearman
    1904). nan where one of the two was not repeated, or does not correlate with itself."""
    across = _correlation(_across(a, b, shared))
    within = [_correlation(itertools.combinations(x.T, 2)) for x in (a, b)]
    product = within[0] * within[1]
    return across / math.sqrt(product) if min(within) > 0 else math.nan


def _regret(pairs: Iterable[Pair]) -> float:
    """Points between the best architecture of one training and the one that another training chooses, mean over pairs
    (judging, choosing)."""
    found = []
    for judged, chosen in pairs:
        both = np.isfinite(chosen) & np.isfinite(judged)
        if both.any():
            found.append(float(judged[both].max() - judged[both][np.argmax(chosen[both])]))
    return float(np.mean(found)) if found else math.nan


def _contrast(panel: Panel, names: tuple[str, ...]) -> Array:
    """Of each architecture, the effect of some factors of the factorial: what one changes (one name), how much more or
    less it does where the other is there (two), and so on; mean over the other factors."""
    values = {variant.label: np.nanmean(row, axis=1) for variant, row in zip(panel.variants, panel.stack)}
    others = [name for name in panel.factors if name not in names]
    total, n = np.zeros(panel.stack.shape[1]), 0
    for around in (some for k in range(len(others) + 1) for some in itertools.combinations(others, k)):
        n += 1
        for inside in (some for k in range(len(names) + 1) for some in itertools.combinations(names, k)):
            there = [name for name in panel.factors if name in inside + around]
            total += (-1) ** (len(names) - len(inside)) * values[JOINED.join(there) or REFERENCE]
    return total / n


def study_components(panels: Sequence[Panel]) -> pd.DataFrame:
    """One row for each component of each study's variance, in points², with its share; intervals: percentile bootstrap
    over architectures, over choices of operations where each has several wirings, and within each space. Without
    repeats the seed's variance is part of the interaction's. None where variants share their runs, which the moments
    take to be independent."""
    rows = []
    for panel in panels:
        if panel.stack.shape[1] < 3 or (panel.shares_runs and len(panel.variants) > 1):
            continue
        found = crossed.intervals(panel.stack, panel.stack_groups, "space" in panel.groups, **panel.axes)
        names = ("variant", *panel.levels, "interaction", "seed")
        for name, (value, of_value, share, of_share) in zip(names, found, strict=True):
            if math.isfinite(value):
                row = [name, panel.stack.shape[1], value, *of_value, share, *of_share]
                rows.append({**panel.axes, **dict(zip(COMPONENTS[3:], row))})
    return pd.DataFrame(rows, columns=COMPONENTS)


def study_times(panels: Sequence[Panel]) -> pd.DataFrame:
    """Mean seconds of one training under each variant. They depend on the machine."""
    rows = []
    for panel in panels:
        for variant in panel.variants:
            ratio = variant.seconds / panel.variants[0].seconds if panel.variants[0].seconds else math.nan
            row = {"variant": variant.label, "n": int(np.isfinite(variant.accuracy).sum())}
            rows.append({**panel.axes, **row, "seconds": variant.seconds, "seconds_ratio": ratio})
    return pd.DataFrame(rows, columns=TIMES).dropna(subset=["seconds"])
