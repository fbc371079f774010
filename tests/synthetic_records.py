"""A folder of records with known truth, for the tests of tables and figures: made from a seed, written as real ones."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from harness import records

MACHINE = "Imagined CPU, 2 cores"
OPS = ["max_pool_3x3", "avg_pool_3x3", "skip_connect", "sep_conv_3x3", "sep_conv_5x5", "dil_conv_3x3", "dil_conv_5x5"]
BLOCKS = ["skip", *(f"k{k}_e{e}{g}" for k in (3, 5) for e, g in ((1, ""), (1, "_g2"), (3, ""), (6, "")))]
EFFECT = {"darts": 0.03, "enas": 0.0, "fbnet": 0.01, "single_path": -0.03}
"""What each method gains over its random architectures, as a fraction."""
WITHOUT_ROWS = {"against_search", "anytime", "collapse", "proxies", "regressions"}
"""Tables that these records have nothing for: no search by evaluations, no shares of operations, no scores."""
LEVEL = {"digits": 0.93, "glyphs": 0.71, "mnist5k": 0.96, "elpv": 0.62, "textures": 0.83}


def genotype(rng: random.Random, nodes: int = 4) -> str:
    def cell() -> list[list[Any]]:
        return [[rng.choice(OPS), i] for node in range(nodes) for i in rng.sample(range(node + 2), 2)]

    concat = list(range(2, nodes + 2))
    return json.dumps({"normal": cell(), "normal_concat": concat, "reduce": cell(), "reduce_concat": concat})


def architecture(space: str, rng: random.Random) -> str:
    if space in ("darts", "enas"):
        return genotype(rng, 5 if space == "enas" else 4)
    if space == "fbnet":
        return ",".join(rng.choice(BLOCKS) for _ in range(22))
    return ",".join(rng.choice(["3x3-3", "3x3-6", "5x5-3", "5x5-6", "skip"]) for _ in range(20))


def record(kind: str, key: dict[str, Any], status: str = "done", **fields: Any) -> dict[str, Any]:
    machine = {"seconds": 10.0 + key["seed"], "host": "here", "machine": MACHINE, "date": "2026-01-01T00:00:00Z"}
    return {
        "kind": kind,
        "status": status,
        "key": {"protocol": "laptop", **key},
        "config": {"version": "laptop-1"} if kind == "search" else {},
        "fingerprint": "0" * 64,
        "environment": {"python": "3.11.7", "torch": "2.14.1", "commit": "0123456789abcdef0123456789abcdef01234567"},
        "measured": machine,
        **({"arch": "", "result": {}, "curves": {}} | fields),
    }


def training(key: dict[str, Any], arch: str, accuracy: float, size: int, cells: int, repeat: int) -> dict[str, Any]:
    result = {"test_accuracy": round(accuracy, 4), "train_accuracy": 0.99, "images": 12000}
    result |= {"parameters": size * cells, "macs": 40 * size * cells}
    curves = {"epoch": [0, 1], "loss": [2.0, 0.5], "accuracy": [0.3, 0.9], "lr": [0.05, 0.01]}
    key = {**key, "cells": cells, "repeat": repeat, "main": cells == 8 and repeat == 0}
    return record("train", key, arch=arch, result=result, curves=curves)


def search(key: dict[str, Any], arch: str, rng: random.Random) -> dict[str, Any]:
    if key["method"] == "random_sampling":
        return record("search", key, arch=arch, result={"images": 0})
    accuracy = [round(0.9 - 0.7 / (epoch + 1) + rng.gauss(0, 0.02), 4) for epoch in range(10)]
    loss = [round(2.2 / (epoch + 1), 4) for epoch in range(10)]
    curves = {"epoch": list(range(10)), "val_accuracy": accuracy, "loss": loss}
    return record("search", key, arch=arch, result={"images": 6000}, curves=curves)


def make(folder: Path, datasets: tuple[str, ...] = ("digits", "glyphs"), seeds: int = 3, baseline: int = 6) -> None:
    """Every space's own method and its random architectures; the depth gap of the darts space on the first dataset."""
    for dataset in datasets:
        for space in ("darts", "enas", "fbnet", "single_path"):
            for method, n in ((space, seeds), ("random_sampling", 8 if space == "darts" else baseline)):
                for seed in range(n):
                    _run(folder, dataset, space, method, seed, depths=dataset == datasets[0] and space == "darts")


def _run(folder: Path, dataset: str, space: str, method: str, seed: int, depths: bool) -> None:
    key = {"dataset": dataset, "space": space, "method": method, "seed": seed}
    rng = random.Random(f"{key}")
    arch, quality = architecture(space, rng), rng.gauss(0, 0.012)
    size = rng.randrange(2000, 9000)
    path = folder / dataset / space / method
    records.write(path / f"search-{seed}.json", search(key, arch, rng))
    for cells, repeat in [(8, 0), (8, 1), (20, 0), (20, 1)] if depths else [(8, 0)]:
        accuracy = LEVEL[dataset] + quality + EFFECT.get(method, 0.0) + 0.004 * (cells == 20) + rng.gauss(0, 0.006)
        made = training(key, arch, min(accuracy, 0.999), size, cells, repeat)
        records.write(path / f"train-{seed}-cells{cells}-repeat{repeat}.json", made)
