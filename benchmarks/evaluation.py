"""One training step of evaluation networks (random genotypes of the space darts) against their definition.

On a GPU ours runs in mixed precision, as in training, and compiled; the definition runs in float32. Equality is checked
in float64: in float32, after 20 cells with batch statistics, the definition differs by 1e-3 from itself in another
memory layout.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from statistics import mean

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.measuring import Ratio, Scale, equal, pairs, summary
from harness.plan import registry
from protocols.parts.optimizers import SGD
from spaces.parts.cpu.fuse import fuse, unfuse
from tests.reference.run import random_images


def measure(name: str, scale: Scale) -> Ratio:
    """The mean ratio over the genotypes, each of which gets an equal share of the time. name: "evaluation_8_cells" or
    "evaluation_20_cells"."""
    cells = scale.cells[name == "evaluation_20_cells"]
    space, rng = registry.space("darts"), random.Random(0)
    share = replace(scale, seconds=scale.seconds / scale.genotypes)
    ratios = [_ratio(name, space.decode(space.sample(rng)), cells, share) for _ in range(scale.genotypes)]
    return summary(name, ratios, mean)


def _ratio(name: str, genotype: object, cells: int, scale: Scale) -> float:
    size = replace(scale.evaluation, cells=cells)
    torch.manual_seed(0)
    ours = fuse(registry.space("darts").network(genotype, size))
    ours = ours.to(scale.device, memory_format=torch.channels_last)
    naive = plain(ours)
    x, y = (part.to(scale.device) for part in random_images(size, scale.evaluation_batch)["train"])
    channels_last = x.contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        equal(name, *(copy.deepcopy(form).double()(x.double())[0] for form in (ours, naive)))
    if scale.compiled:
        ours = torch.compile(ours)
    steps = _step(ours, channels_last, y, scale.device.type == "cuda"), _step(naive, x, y, False)
    times = pairs(*steps, scale)
    return sum(slow for slow, _ in times) / sum(fast for _, fast in times)


def plain(network: nn.Module) -> nn.Module:
    """A copy of a network that computes by its definition, in torch's own memory layout."""
    return unfuse(copy.deepcopy(network)).to(memory_format=torch.contiguous_format)


def _step(network: nn.Module, x: Tensor, y: Tensor, mixed_precision: bool) -> Callable[[int], None]:
    return partial(_train, network.train(), SGD(network.parameters(), 0.025, 0.9, 3e-4), x, y, mixed_precision)


def _train(network: nn.Module, optimizer: SGD, x: Tensor, y: Tensor, mixed_precision: bool, number: int) -> None:
    with torch.autocast(x.device.type, torch.bfloat16, enabled=mixed_precision):
        loss = F.cross_entropy(network(x)[0], y)
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(network.parameters(), 5.0)
    optimizer.step()
