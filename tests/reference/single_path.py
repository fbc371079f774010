"""Single-Path NAS's decisions and masks as the paper defines them, layer by layer and part by part."""

from __future__ import annotations

import torch
from torch import Tensor

from spaces.single_path.supernet import SinglePathSupernet, SuperkernelLayer
from spaces.single_path.thresholds import Gates, indicator


def decisions(layer: SuperkernelLayer, thresholds: Tensor, skippable: bool) -> Gates:
    """The decisions of one layer, from norms of the masked kernel itself."""
    kernel = layer.depthwise.weight
    core = torch.zeros_like(kernel)
    core[:, :, 1:4, 1:4] = kernel[:, :, 1:4, 1:4]
    ring = indicator((kernel - core).norm() - thresholds[0])
    left = core + ring * (kernel - core)
    half = len(kernel) // 2
    first = indicator(left[:half].norm() - thresholds[1]) if skippable else kernel.new_ones(())
    second = indicator(left[half:].norm() - thresholds[2])
    if len(thresholds) == 3:
        return Gates(ring, first, second)
    squeeze, excite = layer.excitation.squeeze.weight, layer.excitation.excite.weight
    used = [squeeze[:, :half], excite[:half], second * squeeze[:, half:], second * excite[half:]]
    return Gates(ring, first, second, indicator(torch.cat([part.flatten() for part in used]).norm() - thresholds[3]))


def weights_of(decided: Gates, skippable: bool) -> Tensor:
    """The weights of the options of one layer."""
    ring, first, second, excited = decided
    kernels = [first * r * s for r in (1 - ring, ring) for s in (1 - second, second)]
    if excited is not None:
        kernels = [kernel * e for e in (1 - excited, excited) for kernel in kernels]
    return torch.stack(kernels + [1 - first] * skippable)


def masked(kernel: Tensor, weights: Tensor) -> Tensor:
    """The sum, over the options, of the weight times the part of the kernel that the option keeps."""
    half, total = len(kernel) // 2, torch.zeros_like(kernel)
    for weight, (channels, edge) in zip(weights, ((half, 1), (2 * half, 1), (half, 0), (2 * half, 0))):
        part = torch.zeros_like(kernel)
        part[:channels, :, edge : 5 - edge, edge : 5 - edge] = kernel[:channels, :, edge : 5 - edge, edge : 5 - edge]
        total = total + weight * part
    return total


def searched(supernet: SinglePathSupernet, x: Tensor, thresholds: Tensor) -> Tensor:
    """Logits under the decisions of thresholds (layers, decisions)."""
    rows = [(row, options == max(supernet.shape)) for row, options in zip(thresholds, supernet.shape)]
    mix = [weights_of(decisions(layer, *row), row[1]) for layer, row in zip(supernet.layers, rows)]
    return supernet(x, mix)
