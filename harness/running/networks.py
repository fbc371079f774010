"""Networks as searches and trainings use them: fresh weights by seed, on the device, in their faster forms."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import nn

from spaces.parts.cpu.fuse import fuse

Module = TypeVar("Module", bound=nn.Module)


def fresh(make: Callable[[], Module], seed: int, where: torch.device) -> Module:
    """The network that `make` gives, with weights that depend on `seed` alone. This is the one place that asks for
    faster forms: they compute the same as the definitions (see `spaces.parts.cpu.fuse`)."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = make()
    return fuse(network.to(where).to(memory_format=torch.channels_last))
