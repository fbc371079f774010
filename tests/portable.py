"""A tiny search and a tiny training of every space, as numbers that must be the same on every processor.

Where a change of the code moves numbers, `python -m tests.portable` writes tests/golden/portable.json again: those with
kernels in C, and those of torch's layers. `python -m tests.portable -` prints those of this process.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from harness.plan.jobs import Search, Training
from spaces.parts.cpu import numerics

ROOT = Path(__file__).parents[1]
GOLDEN = Path(__file__).with_name("golden") / "portable.json"
SEARCHES = {  # space -> (method, its parameters)
    "darts": ("darts", (("order", 2),)),
    "enas": ("enas", (("controller_steps", 1), ("samples", 1))),
    "fbnet": ("fbnet", ()),
    "nasbench201": ("darts", ()),
    "single_path": ("single_path", ()),
    "single_path_se": ("single_path", ()),
}
IMAGES = {"train": 32, "val": 32, "test": 32}


def dataset(folder: Path) -> None:
    """A prepared dataset of 96 images, 8 x 8 pixels, drawn by Python."""
    import random

    import numpy as np

    from protocols.datasets.parts.prepared import SCHEMA, file_digest, identity

    rng = random.Random(0)
    for split, count in IMAGES.items():
        labels = np.array([i % 4 for i in range(count)], np.int64)
        shades = [(60 * (i % 4) + 3 * pixel + rng.randrange(64)) % 256 for i in range(count) for pixel in range(64)]
        np.save(folder / f"{split}.images.npy", np.array(shades, np.uint8).reshape(count, 1, 8, 8))
        np.save(folder / f"{split}.labels.npy", labels)
    facts: dict[str, Any] = {
        "schema": SCHEMA,
        "name": "portable",
        "image": 8,
        "inputs": 1,
        "classes": ["0", "1", "2", "3"],
        "counts": {split: [count // 4] * 4 for split, count in IMAGES.items()},
        "mean": [0.5],
        "std": [0.25],
        "flip": False,
        "files": {path.name: file_digest(path) for path in sorted(folder.glob("*.npy"))},
    }
    (folder / "manifest.json").write_text(json.dumps(facts | {"sha256": identity(facts)}))


def found(space: str, folder: Path) -> dict[str, Any]:
    """What the search finds, and what comes of the training: architecture, curves, accuracies, and the sha256 of the
    final weights' bytes."""
    from harness.running.checkpoint import Checkpoint
    from harness.running.clock import Clock
    from harness.running.search import search
    from harness.running.train import train

    method, parameters = SEARCHES[space]
    job = Search("smoke", "portable", space, method, 0, parameters)
    searched = search(job, folder, lambda kind: Checkpoint(None, ""), Clock())
    kept: dict[str, Any] = {}
    trained, _ = train(Training(job), searched["arch"], folder, keeping(kept), Clock())
    accuracies = {name: value for name, value in trained["result"].items() if name.endswith("_accuracy")}
    curves = {"search": searched["curves"], "training": trained["curves"]}
    return {"arch": searched["arch"], "curves": curves, "accuracies": accuracies, "weights": digest(kept["network"])}


def keeping(kept: dict[str, Any]) -> Any:
    """A checkpoint that writes nothing and keeps what it is given."""
    from harness.running.checkpoint import Checkpoint

    class Keeping(Checkpoint):
        def epochs(self, epochs: int, state: Any) -> Any:
            kept.update(state)
            return super().epochs(epochs, state)

    return Keeping(None, "")


def digest(network: Any) -> str:
    """Of the names and the bytes of all weights, in the order of their names."""
    content = hashlib.sha256()
    for name, value in sorted(network.state_dict().items()):
        content.update(name.encode() + value.contiguous().numpy().tobytes())
    return content.hexdigest()


def numbers() -> dict[str, Any]:
    """Of all spaces, computed in this process; and what they rest on."""
    numerics.choose(numerics.PORTABLE)
    from harness.running.job import load_torch

    load_torch()
    from importlib.metadata import version

    with tempfile.TemporaryDirectory() as folder:
        dataset(Path(folder))
        return {"torch": version("torch"), **{space: found(space, Path(folder)) for space in SEARCHES}}


def computed(*emulator: str, **environment: str) -> dict[str, Any]:
    """Of a process of its own, in an emulator if one is given. RuntimeError where it fails."""
    command = [*emulator, sys.executable, "-m", "tests.portable", "-"]
    inherited = {name: value for name, value in os.environ.items() if name not in numerics.VARIABLES}
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=inherited | environment)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def golden() -> dict[str, Any]:
    """With kernels, and without."""
    return dict(json.loads(GOLDEN.read_text()))


if __name__ == "__main__":
    if sys.argv[1:] == ["-"]:
        print(json.dumps(numbers()))
    else:
        both = {"kernels": computed(), "layers": computed(NAS_KERNELS="0")}
        GOLDEN.write_text(json.dumps(both, indent=1) + "\n")
