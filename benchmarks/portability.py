"""What portable numerics cost: a training step at laptop size with them, divided by one with native numerics.

`python -m benchmarks.portability` prints a line a space: the median of the ratios of pairs of processes, the smallest
and the largest. Processes of both numerics take turns, because one process has one numerics.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from statistics import median

from spaces.parts.cpu import numerics

SPACES = ("darts", "enas", "fbnet", "single_path")
PAIRS = 5
STEPS = 8  # of an epoch
EPOCHS = 4


def seconds(space: str) -> float:
    """Processor time of a step, the fastest epoch's, with the numerics of this process."""
    import torch

    from harness.plan import registry
    from harness.plan.jobs import RANDOM, Search, Training
    from harness.running.checkpoint import Checkpoint
    from harness.running.inputs import device
    from harness.running.networks import fresh
    from harness.running.train import Trainer
    from protocols.datasets.parts.prepared import Data, Split

    job, chosen = Training(Search("laptop", "digits", space, RANDOM, 0)), registry.space(space)
    size, generator = job.size(10, 1), torch.Generator().manual_seed(0)
    images = torch.randint(256, (STEPS * job.setting.training.batch, 1, size.image, size.image), generator=generator)
    split = Split(images.to(torch.uint8), torch.randint(10, (len(images),), generator=generator))
    classes = tuple(map(str, range(10)))
    data = Data("random", size.image, classes, 1, False, (0.5,), (0.3,), "", split, split, split)
    design = chosen.decode(chosen.sample(random.Random(0)))
    network = fresh(lambda: chosen.network(design, size), 0, device())
    trainer, taken = Trainer(network, data, job.setting, generator), []
    for _ in range(EPOCHS):
        start = time.process_time()
        trainer.train(*split, 1, Checkpoint(None, ""))
        taken.append((time.process_time() - start) / STEPS)
    return min(taken)


def _measured(mode: str) -> dict[str, float]:
    """Of a process of its own."""
    command = [sys.executable, "-m", "benchmarks.portability", mode]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _print(pairs: list[tuple[dict[str, float], dict[str, float]]]) -> None:
    for space in SPACES:
        ratios = [portable[space] / native[space] for portable, native in pairs]
        step = 1e3 * median(portable[space] for portable, _ in pairs)
        spread = f"[{min(ratios):.2f}, {max(ratios):.2f}]  n={len(ratios)}"
        print(f"{space:12} portable {step:6.2f} ms  portable/native {median(ratios):.2f}  {spread}")


if __name__ == "__main__":
    if sys.argv[1:]:
        numerics.choose(sys.argv[1])
        print(json.dumps({space: seconds(space) for space in SPACES}))
    else:
        _print([(_measured(numerics.PORTABLE), _measured(numerics.NATIVE)) for _ in range(PAIRS)])
