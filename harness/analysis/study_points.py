"""What the figures of studies show: every architecture at the reference and at a variant, and how often two swap."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pandas as pd

from harness.analysis import crossed
from harness.analysis.panels import Panel

POINTS = ["study", "dataset", "space", "variant", "architecture", "accuracy_reference", "accuracy_variant"]
SWAPS = ["study", "dataset", "space", "variant", "n", "gap", "pairs", "share", "expected"]
BINS = 8
"""Of the pairs of architectures, by the gap that was seen: each holds as many."""


def study_points(panels: Sequence[Panel]) -> pd.DataFrame:
    """One row for each architecture and variant: accuracies in percent, means over repeats."""
    rows = []
    for panel in panels:
        reference, *others = panel.variants
        for variant in others:
            for name, a, b in zip(panel.archs, reference.accuracy, variant.accuracy, strict=True):
                if np.isfinite(a).any() and np.isfinite(b).any():
                    named = {"variant": variant.label, "architecture": name}
                    seen = {"accuracy_reference": np.nanmean(a), "accuracy_variant": np.nanmean(b)}
                    rows.append({**panel.axes, **named, **seen})
    return pd.DataFrame(rows, columns=POINTS)


def study_swaps(panels: Sequence[Panel]) -> pd.DataFrame:
    """How often two architectures whose single trainings differ by `gap` points have the other order in another
    training each: `share` of `pairs`, in bins of equally many, and what is `expected` of normal architectures and
    seeds. The variant of each study with most repeats; none where nothing was repeated."""
    rows = []
    for panel in panels:
        variant = max(panel.variants, key=lambda variant: variant.accuracy.shape[1])
        gaps, turned = crossed.reversals(variant.accuracy)
        if len(gaps) < 2 * BINS:
            continue
        trained = variant.accuracy[np.isfinite(variant.accuracy).any(axis=1)]
        _, architecture, _, seed = crossed.components(trained[None])[0]
        edges = np.unique(np.quantile(gaps, np.linspace(0, 1, BINS + 1)))
        for low, high in itertools.pairwise(edges):
            inside = (gaps >= low) & ((gaps < high) | (high == edges[-1]))
            if not inside.any():
                continue
            middle = float(gaps[inside].mean())
            found = {"gap": middle, "pairs": int(inside.sum()), "share": float(turned[inside].mean())}
            expected = {"expected": float(crossed.swapped(middle, float(architecture), float(seed)))}
            rows.append({**panel.axes, "variant": variant.label, "n": len(panel.archs), **found, **expected})
    return pd.DataFrame(rows, columns=SWAPS)
