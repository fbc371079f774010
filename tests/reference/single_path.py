"""Single-Path NAS's supernet as the paper defines it: a 5x5 block of expansion 6 whose kernel is masked by parts."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from spaces.single_path.supernet import SinglePathSupernet, SuperkernelLayer
from spaces.single_path.thresholds import Gates, indicator
from tests.reference.fbnet import candidate, norm, unit


def decisions(layer: SuperkernelLayer, thresholds: Tensor, skippable: bool) -> Gates:
    """The decisions of one layer, from norms of the masked kernel itself."""
    kernel = layer.kernel
    core = torch.zeros_like(kernel)
    core[:, :, 1:4, 1:4] = kernel[:, :, 1:4, 1:4]
    ring = indicator((kernel - core).norm() - thresholds[0])
    left = core + ring * (kernel - core)
    half = len(kernel) // 2
    first = indicator(left[:half].norm() - thresholds[1]) if skippable else kernel.new_ones(())
    second = indicator(left[half:].norm() - thresholds[2])
    if len(thresholds) == 3:
        return Gates(ring, first, second)
    squeeze, excite = layer.block.excitation.squeeze.weight, layer.block.excitation.excite.weight
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


def mixed_layer(layer: SuperkernelLayer, x: Tensor, weights: Tensor) -> Tensor:
    block, excitation = layer.block, getattr(layer.block, "excitation", None)
    kernels = weights[:4] if excitation is None else weights[:4] + weights[4:8]
    kernel = masked(layer.kernel, kernels)
    hidden = F.relu(unit(x, block.expand))
    hidden = F.conv2d(hidden, kernel, None, block.depthwise[0].stride, 2, groups=len(kernel))
    hidden = F.relu(norm(hidden, block.depthwise[1]))
    if excitation is not None:
        hidden = excited(hidden, excitation, kernels[1] + kernels[3], weights[4:8].sum())
    y = unit(hidden, block.project)
    return x + y if x.shape == y.shape else y


def excited(x: Tensor, module: torch.nn.Module, second: Tensor, weight: Tensor) -> Tensor:
    """(1 - weight) * x + weight * x with squeeze-and-excitation, in which the second half of the channels has the
    weight `second`."""
    half = x.shape[1] // 2
    used = torch.cat([torch.ones(half, dtype=x.dtype), second.expand(half)])
    squeezed = F.relu(x.mean((2, 3)) @ (module.squeeze.weight * used).t() + module.squeeze.bias)
    factor = torch.sigmoid(squeezed @ (module.excite.weight * used[:, None]).t() + module.excite.bias)
    return (1 - weight) * x + weight * x * factor[:, :, None, None]


def mixed(supernet: SinglePathSupernet, x: Tensor, mix: Sequence[Tensor]) -> Tensor:
    """Logits, with the supernet's weights."""
    x = candidate(F.relu(unit(x, supernet.stem[0])), "k3_e1", supernet.stem[1])
    for layer, weights in zip(supernet.layers, mix):
        x = mixed_layer(layer, x, weights)
    x = F.relu(unit(candidate(x, "k3_e6", supernet.tail[0]), supernet.tail[1]))
    return F.linear(x.mean((2, 3)), supernet.tail[-1].weight, supernet.tail[-1].bias)


def searched(supernet: SinglePathSupernet, x: Tensor, thresholds: Tensor) -> Tensor:
    """Logits under the decisions of thresholds (layers, decisions)."""
    rows = [(row, options == max(supernet.shape)) for row, options in zip(thresholds, supernet.shape)]
    mix = [weights_of(decisions(layer, *row), row[1]) for layer, row in zip(supernet.layers, rows)]
    return mixed(supernet, x, mix)
