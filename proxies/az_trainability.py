"""The mean over pairs of neighbouring blocks of 2 - s - 1/s: how little gradients grow or shrink on their way back
(AZ-NAS, Lee and Ham, CVPR 2024; cvlab-yonsei/AZ-NAS, compute_az_nas_score.py). s is the largest singular value of the
correlation, over images and pixels, of random signs at a block's output with the gradients that they give at the
output of the block before. At most 0; minus infinity where a block passes its input on unchanged. NaN where the network
has fewer than two blocks.

Departs from the paper: weights are those that the network has, not drawn anew; a map whose side is no multiple of the
next one's is filled up with zeros.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from proxies.base import Proxy

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


@dataclass(frozen=True)
class AzTrainability(Proxy):
    def score(self, network: nn.Module, batch: tuple[Tensor, Tensor], generator: torch.Generator) -> float:
        from proxies.parts.blocks import block_features

        features = block_features(network, batch[0])
        pairs = list(zip(features, features[1:]))
        return sum(_pair(*pair, generator) for pair in pairs) / len(pairs) if pairs else math.nan


def _pair(before: Tensor, after: Tensor, generator: torch.Generator) -> float:
    import torch
    from torch.nn import functional

    signs = torch.randint(0, 2, after.shape, generator=generator).to(after) * 2 - 1
    gradient = torch.zeros_like(before)
    if after.requires_grad:
        options = {"retain_graph": True, "allow_unused": True, "materialize_grads": True}
        (gradient,) = torch.autograd.grad(after, before, signs, **options)
    if gradient.shape == after.shape and torch.equal(gradient, signs):
        return -math.inf
    (rows, columns), (height, width) = before.shape[2:], after.shape[2:]
    stride = math.ceil(rows / height)
    if stride > 1:
        padding = (0, stride * width - columns, 0, stride * height - rows)
        gradient = functional.pixel_unshuffle(functional.pad(gradient, padding), stride)
    given, back = (g.permute(0, 2, 3, 1).flatten(0, 2).double() for g in (signs, gradient))
    s = float(torch.linalg.matrix_norm(back.T @ given / len(given), ord=2))
    return 2 - s - 1 / (s + 1e-6)
