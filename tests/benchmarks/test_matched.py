"""Random architectures as deep as given ones."""

import random
from collections import Counter

import pandas as pd
from scipy.stats import chisquare

from benchmarks.matched import as_deep, matched
from harness.plan import registry

FINDS = registry.ROOT / "results/published/replicate-2026-11-30/tables/accuracies.csv"
FILES = registry.ROOT / "config/as_deep_as_finds"


def test_the_files_hold_one_architecture_as_deep_as_each_find():
    drawn = matched(FINDS)
    assert {name: (FILES / f"{name}.txt").read_text().split() for name in drawn} == drawn
    finds = pd.read_csv(FINDS).query("method == 'single_path' and main").sort_values(["dataset", "seed"])
    for dataset, group in finds.groupby("dataset"):
        assert [arch.count("skip") for arch in drawn[dataset]] == group["arch"].str.count("skip").tolist()
        assert not set(drawn[dataset]) & set(group["arch"])


def test_layers_and_options_are_drawn_uniformly():
    rng, n, skips = random.Random(0), 3000, 6
    layers = list(zip(*(as_deep(skips, rng).split(",") for _ in range(n))))
    skipped = [Counter(layer)["skip"] for layer in layers]
    assert not any(skipped[::4])  # the first layer of a stage cannot be skipped
    counts = [count for layer, count in enumerate(skipped) if layer % 4]
    assert sum(counts) == skips * n
    assert chisquare(counts).pvalue > 1e-4
    for layer in layers:
        assert chisquare([count for name, count in Counter(layer).items() if name != "skip"]).pvalue > 1e-4
