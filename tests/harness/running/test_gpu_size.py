"""config/gpu.yaml, tiny, on a CPU: its datasets from CIFAR's files, its methods, tricks and numerics, every job done.

At its own size one method takes minutes of a CPU, and a configuration changes no protocol: so the test makes the
protocol's networks, budget and epochs small before the commands begin."""

import os
import pickle
import subprocess
import sys

import numpy as np
import yaml

from harness import records
from harness.plan.registry import ROOT

SMALL = """
import sys
from dataclasses import replace
from protocols import gpu
whole = gpu.PROTOCOL.default
budget = replace(whole.budget, epochs=1, batch=16, candidates=2, evaluations=2, evaluation_epochs=1, epochs_of={})
sizes = {"width": 1 / 9, "cells": 3, "search_width": 1 / 4, "search_cells": 3}
recipe = replace(whole.recipe, epochs=1)
gpu.PROTOCOL = replace(gpu.PROTOCOL, default=replace(whole, budget=budget, recipe=recipe, **sizes))
from harness.__main__ import main
from harness.plan.config import load
from pathlib import Path
config = load(Path("gpu.yaml"))
for name in config.datasets:
    assert main(["data", "--dataset", name, "--image", str(whole.image)]) == 0
jobs = [job.name for name in config.datasets for job in config.jobs_of(name)]
assert main(["run", "--config", "gpu.yaml", *jobs]) == 0
sys.exit(main(["status", "--config", "gpu.yaml"]))
"""
FILES = {
    "cifar-10-batches-py": ([f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"], b"labels", 10),
    "cifar-100-python": (["train", "test"], b"fine_labels", 100),
}


def photographs(folder):
    """CIFAR's Python version as published, with 10 or 100 random images in a file."""
    rng = np.random.default_rng(0)
    for name, (batches, labels, classes) in FILES.items():
        (folder / name).mkdir(parents=True)
        for batch in batches:
            pixels = rng.integers(0, 256, (classes, 3072), dtype=np.uint8)
            content = {b"data": pixels, labels: rng.permutation(classes).tolist()}
            (folder / name / batch).write_bytes(pickle.dumps(content, 2))


def test_every_search_and_training_of_it_is_done(tmp_path):
    """One seed, two random architectures a space; on CIFAR-100 the first method only."""
    photographs(tmp_path / "data")
    content = yaml.safe_load((ROOT / "config/gpu.yaml").read_text()) | {"seeds": 1, "random": 2}
    for entry in content["searches"][1:]:
        entry["datasets"] = ["cifar10"]
    (tmp_path / "gpu.yaml").write_text(yaml.safe_dump(content))
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", SMALL], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    found = [records.read(path) for path in (tmp_path / "results/gpu/records").rglob("*.json")]
    assert len(found) == 2 * (4 + 8) + 2 * (1 + 2) and {record["status"] for record in found} == {"done"}
    assert {record["environment"]["numerics"] for record in found} == {"native"}
