"""AutoAugment, of a batch of uint8 images: torchvision's policies, drawn from our generator.

Paper: Cubuk et al., "AutoAugment: Learning Augmentation Strategies from Data", CVPR 2019. Each image gets one of 25
pairs of operations (torchvision.transforms.AutoAugment). torchvision draws from torch's global generator, which is
seeded here for each batch and put back. It is needed only where a protocol or a variant asks for a policy:
`protocols.parts.variants.check_installed` says so before any work.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor


@cache
def _policy(name: str) -> Any:
    from torchvision.transforms import AutoAugment, AutoAugmentPolicy

    return AutoAugment(AutoAugmentPolicy(name))


def auto_augmented(images: Tensor, generator: torch.Generator, policy: str) -> Tensor:
    """images: uint8 (n, 1 or 3, height, width); returns the same shape and type. `policy`: one of
    `protocols.base.POLICIES`."""
    seed = int(torch.randint(2**62, (), generator=generator))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return torch.stack([_policy(policy)(image) for image in images])
