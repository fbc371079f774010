"""Networks as searches and trainings use them: fresh weights by seed, on the device, in their faster forms."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import nn

from spaces.parts.cpu.fuse import fuse

Module = TypeVar("Module", bound=nn.Module)


def plain(make: Callable[[], Module], seed: int) -> Module:
    """The network that `make` gives, as it is defined, with weights that depend on `seed` alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make()


def fresh(make: Callable[[], Module], seed: int, where: torch.device) -> Module:
    """As `plain`, on a device and in its faster form. This is the one place that asks for faster forms: they compute
    the same as the definitions (see `spaces.parts.cpu.fuse`)."""
    return fuse(plain(make, seed).to(where).to(memory_format=torch.channels_last))
