"""Single-Path NAS's supernet as the paper writes it: the 5x5, expansion-6 block, its kernel masked by parts."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from spaces._superkernel import SinglePathSupernet, SuperkernelLayer
from tests.reference.fbnet import candidate, norm, unit


def masked(kernel: Tensor, weights: Tensor) -> Tensor:
    """Sum over options of weight times the kernel that the option keeps."""
    half, total = len(kernel) // 2, torch.zeros_like(kernel)
    for weight, (channels, edge) in zip(weights, ((half, 1), (2 * half, 1), (half, 0), (2 * half, 0))):
        part = torch.zeros_like(kernel)
        part[:channels, :, edge : 5 - edge, edge : 5 - edge] = kernel[:channels, :, edge : 5 - edge, edge : 5 - edge]
        total = total + weight * part
    return total


def mixed_layer(layer: SuperkernelLayer, x: Tensor, weights: Tensor) -> Tensor:
    block, kernel = layer.block, masked(layer.kernel, weights)
    hidden = F.relu(unit(x, block.expand))
    hidden = F.conv2d(hidden, kernel, None, layer.place.stride, 2, groups=len(kernel))
    y = unit(F.relu(norm(hidden, block.depthwise[1])), block.project)
    return x + y if x.shape == y.shape else y


def mixed(supernet: SinglePathSupernet, x: Tensor, mix: Sequence[Tensor]) -> Tensor:
    """Logits, with the supernet's weights."""
    x = candidate(F.relu(unit(x, supernet.stem[0])), "k3_e1", supernet.stem[1])
    for layer, weights in zip(supernet.layers, mix):
        x = mixed_layer(layer, x, weights)
    x = F.relu(unit(candidate(x, "k3_e6", supernet.tail[0]), supernet.tail[1]))
    return F.linear(x.mean((2, 3)), supernet.tail[-1].weight, supernet.tail[-1].bias)
