"""Single-Path NAS's decisions: norms of parts of a layer's weights are compared with thresholds.

Source: dstamoulis/single-path-nas, nas-search/superkernel.py. Kernels are (channels, 1, 5, 5) here. Functions of norms,
gates, weights and costs take one layer, or several layers with a leading dimension (written "…").

The decision on squeeze-and-excitation is our own form: the journal version (arXiv 1907.00959), known to us from its
abstract only, searches it with the same encoding; the public code has none.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from spaces.parts.cpu.numerics import root

KERNELS = 4
"""Options that keep a part of the kernel, in this order: 3x3-3, 3x3-6, 5x5-3, 5x5-6."""


class Gates(NamedTuple):
    """The decisions of a layer, each (…), 1 or 0: whether the outer ring of the kernel is used (5x5), the first half of
    the channels (else the layer is skipped), the second half (expansion 6), and, in the space single_path_se,
    squeeze-and-excitation."""

    ring: Tensor
    first: Tensor
    second: Tensor
    excited: Tensor | None = None


def indicator(x: Tensor) -> Tensor:
    """1 where x >= 0, else 0. The gradient is that of the sigmoid (straight-through)."""
    soft = torch.sigmoid(x)
    return (x >= 0).to(x.dtype) + (soft - soft.detach())


@cache
def _parts(dtype: torch.dtype, device: torch.device) -> Tensor:
    """Masks of the core and of the outer ring of a 5x5 kernel: (2, 5 * 5)."""
    core = F.pad(torch.ones(3, 3, dtype=dtype, device=device), (1, 1, 1, 1))
    return torch.stack([core, 1 - core]).flatten(1)


@cache
def _owners(channels: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """1 where a channel belongs to a layer, else 0: (layers, channels of all layers). channels: per layer."""
    return torch.block_diag(*(torch.ones(1, width, dtype=dtype, device=device) for width in channels))


@cache
def _kept(channels: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Masks of what each of the four options keeps of a kernel: (4, channels * 5 * 5)."""
    core, ring = _parts(dtype, device).unbind()
    whole, none = core + ring, torch.zeros_like(core)
    halves = torch.stack([core, none, core, core, whole, none, whole, whole])
    return halves[:, None].expand(-1, channels // 2, -1).reshape(KERNELS, -1)


def part_norms(kernel: Tensor) -> Tensor:
    """(2, 2): Frobenius norms of the core (first row) and of the ring (second row), for each half of the channels.
    kernel: (channels, 1, 5, 5)."""
    return layer_norms([kernel])[0]


def layer_norms(kernels: Sequence[Tensor]) -> Tensor:
    """`part_norms` of each layer's kernel: (layers, 2, 2)."""
    taps = torch.cat([kernel.reshape(2, -1, 25) for kernel in kernels], 1)
    owners = _owners(tuple(len(kernel) // 2 for kernel in kernels), taps.dtype, taps.device)
    squares = owners @ taps.square() @ _parts(taps.dtype, taps.device).t()
    return root(squares.clamp_min(1e-30)).permute(1, 2, 0)  # the root has no gradient at 0


def gates(
    norms: Tensor,
    thresholds: Tensor,
    skippable: Tensor | bool,
    scale: Tensor | None = None,
    excitation: Tensor | None = None,
) -> Gates:
    """The decisions of layers: norms, as `part_norms` gives them, (…, 2, 2), compared with the thresholds of ring,
    first half, second half and, with `excitation`, squeeze-and-excitation, (…, 3 or 4).

    The norms of the halves are those of the kernel after the ring's decision. `excitation`, (…, 2): the norms of the
    excitation's weights for each half of the channels; that of the second half is multiplied by that half's decision.
    `scale`, of the thresholds' shape, multiplies the decisions (dropout in the warm-up). A layer that is not
    `skippable` always has its first half.
    """
    t = thresholds.unbind(-1)
    factor = [1.0] * len(t) if scale is None else scale.unbind(-1)
    core, outer = norms.unbind(-2)
    ring = indicator(torch.linalg.vector_norm(outer, dim=-1) - t[0]) * factor[0]
    first_half, second_half = _norm(core, ring[..., None] * outer).unbind(-1)
    first = indicator(first_half - t[1]) * factor[1]
    first = torch.where(torch.as_tensor(skippable, device=first.device), first, 1.0)
    second = indicator(second_half - t[2]) * factor[2]
    if excitation is None:
        return Gates(ring, first, second)
    left = _norm(excitation[..., 0], second * excitation[..., 1])
    return Gates(ring, first, second, indicator(left - t[3]) * factor[3])


def _norm(*parts: Tensor) -> Tensor:
    return torch.linalg.vector_norm(torch.stack(parts), dim=0)


def mixture(decided: Gates) -> Tensor:
    """Gates as weights of a layer's options: (…, 5) for the four blocks and skip; with squeeze-and-excitation (…, 9)
    for the four blocks, the same with it, and skip."""
    ring, first, second, excited = decided
    kernels = torch.stack([(1 - ring) * (1 - second), (1 - ring) * second, ring * (1 - second), ring * second], -1)
    kernels = kernels * first[..., None]
    parts = [kernels] if excited is None else [kernels * (1 - excited[..., None]), kernels * excited[..., None]]
    return torch.cat([*parts, 1 - first[..., None]], -1)


def mask(kernels: Tensor) -> Tensor:
    """The masks of a kernel's first and second half of the channels under weights of the four blocks: (…, 4) to
    (…, 2, 5, 5).

    For weights that come from gates, the first mask is first * (1 - ring mask + ring * ring mask), and the second is
    that times `second`.
    """
    return whole_mask(kernels, 2).unflatten(-1, (2, 5, 5))


def whole_mask(kernels: Tensor, channels: int) -> Tensor:
    """`mask` for every channel: (…, channels * 5 * 5)."""
    return kernels @ _kept(channels, kernels.dtype, kernels.device)


def runtime(decided: Gates, corners: Tensor) -> Tensor:
    """The cost of a layer under its gates, from the costs of its blocks (`corners`): (…, 4) or, with
    squeeze-and-excitation, (…, 8). The result has the unit of these costs; skip costs nothing.

    Three of the four blocks have their exact cost; that of 3x3-3 is taken as 5x5-3 * 3x3-6 / 5x5-6.
    Squeeze-and-excitation adds its cost at the layer's expansion, the mean over both kernel sizes.
    """
    _, k3e6, k5e3, k5e6 = corners[..., :KERNELS].unbind(-1)
    ratio = k3e6 / k5e6.clamp_min(1e-12)  # a layer that costs nothing must not divide by 0
    at_5x5 = decided.first * (k5e3 + decided.second * (k5e6 - k5e3))
    cost = at_5x5 * ratio + at_5x5 * (1.0 - ratio) * decided.ring
    if decided.excited is None:
        return cost
    added = (corners[..., KERNELS:] - corners[..., :KERNELS]).unflatten(-1, (2, 2)).mean(-2)
    e3, e6 = added.unbind(-1)
    return cost + decided.first * decided.excited * (e3 + decided.second * (e6 - e3))
