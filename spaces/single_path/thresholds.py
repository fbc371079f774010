"""Single-Path NAS's decisions: norms of parts of a layer's weights against thresholds, and what follows from them.

Source: dstamoulis/single-path-nas, nas-search/superkernel.py. Kernels are (channels, 1, 5, 5) here. Functions of norms,
gates, weights and costs take one layer, or several at once with a leading dimension.

The decision on squeeze-and-excitation is ours: the journal version (arXiv 1907.00959), known to us from its abstract,
says that it is searched with the same encoding; the repository has none.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

KERNELS = 4
"""Options that keep a part of the kernel, in this order: 3x3-3, 3x3-6, 5x5-3, 5x5-6."""


class Gates(NamedTuple):
    """Decisions of a layer, 1 or 0: the outer ring of the kernel (5x5), the first half of the channels (without it the
    layer is skipped), the second (expansion 6), and in the space single_path_se squeeze-and-excitation."""

    ring: Tensor
    first: Tensor
    second: Tensor
    excited: Tensor | None = None


def indicator(x: Tensor) -> Tensor:
    """1 where x >= 0, else 0; its gradient is the sigmoid's (straight-through)."""
    soft = torch.sigmoid(x)
    return (x >= 0).to(x.dtype) + (soft - soft.detach())


@cache
def _parts(dtype: torch.dtype, device: torch.device) -> Tensor:
    """Core and outer ring of a 5x5 kernel, (2, 5 * 5)."""
    core = F.pad(torch.ones(3, 3, dtype=dtype, device=device), (1, 1, 1, 1))
    return torch.stack([core, 1 - core]).flatten(1)


@cache
def _owners(channels: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Which of all layers' channels are a layer's, (layers, channels)."""
    return torch.block_diag(*(torch.ones(1, width, dtype=dtype, device=device) for width in channels))


@cache
def _kept(channels: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """What each option keeps of a kernel, (4, channels * 5 * 5)."""
    core, ring = _parts(dtype, device).unbind()
    whole, none = core + ring, torch.zeros_like(core)
    halves = torch.stack([core, none, core, core, whole, none, whole, whole])
    return halves[:, None].expand(-1, channels // 2, -1).reshape(KERNELS, -1)


def part_norms(kernel: Tensor) -> Tensor:
    """(2, 2): Frobenius norms of the core (first row) and of the ring of each half of the channels."""
    return layer_norms([kernel])[0]


def layer_norms(kernels: Sequence[Tensor]) -> Tensor:
    """(layers, 2, 2): `part_norms` of each layer's kernel."""
    taps = torch.cat([kernel.reshape(2, -1, 25) for kernel in kernels], 1)
    owners = _owners(tuple(len(kernel) // 2 for kernel in kernels), taps.dtype, taps.device)
    squares = owners @ taps.square() @ _parts(taps.dtype, taps.device).t()
    return squares.clamp_min(1e-30).sqrt().permute(1, 2, 0)  # the root of 0 has no slope


def gates(
    norms: Tensor,
    thresholds: Tensor,
    skippable: Tensor | bool,
    scale: Tensor | None = None,
    excitation: Tensor | None = None,
) -> Gates:
    """Decisions by norms, those of `part_norms`: (…, 2, 2), against thresholds of ring, first half, second half and,
    with `excitation`, squeeze-and-excitation: (…, 3 or 4).

    The halves' norms are those of the kernel that the ring's decision has left. `excitation` (…, 2): norms of the
    excitation's weights that belong to each half of the channels; the second half counts as far as it is used.
    `scale`, of the thresholds' shape, multiplies the decisions: the dropout of the warm-up. A layer that is not
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
    """Gates as weights of the options: the four of the kernel, with squeeze-and-excitation the same four with it, and
    skip."""
    ring, first, second, excited = decided
    kernels = torch.stack([(1 - ring) * (1 - second), (1 - ring) * second, ring * (1 - second), ring * second], -1)
    kernels = kernels * first[..., None]
    parts = [kernels] if excited is None else [kernels * (1 - excited[..., None]), kernels * excited[..., None]]
    return torch.cat([*parts, 1 - first[..., None]], -1)


def mask(kernels: Tensor) -> Tensor:
    """(…, 2, 5, 5): what is left of the first and the second half of the channels under weights of the four options.

    For weights that come from gates: first * (1 - ring mask + ring * ring mask), times second in the second half.
    """
    return whole_mask(kernels, 2).unflatten(-1, (2, 5, 5))


def whole_mask(kernels: Tensor, channels: int) -> Tensor:
    """(…, channels * 5 * 5): `mask` of every channel."""
    return kernels @ _kept(channels, kernels.dtype, kernels.device)


def runtime(decided: Gates, corners: Tensor) -> Tensor:
    """Cost of a layer from its options' costs, (…, 4) or, with squeeze-and-excitation, (…, 8); skip costs nothing.

    Three corners are exact; 3x3-3 is taken to be 5x5-3 times the ratio of 3x3-6 to 5x5-6. Squeeze-and-excitation adds
    what it costs at the expansion, the mean over both kernels.
    """
    _, k3e6, k5e3, k5e6 = corners[..., :KERNELS].unbind(-1)
    ratio = k3e6 / k5e6.clamp_min(1e-12)  # a free layer stays free
    at_5x5 = decided.first * (k5e3 + decided.second * (k5e6 - k5e3))
    cost = at_5x5 * ratio + at_5x5 * (1.0 - ratio) * decided.ring
    if decided.excited is None:
        return cost
    added = (corners[..., KERNELS:] - corners[..., :KERNELS]).unflatten(-1, (2, 2)).mean(-2)
    e3, e6 = added.unbind(-1)
    return cost + decided.first * decided.excited * (e3 + decided.second * (e6 - e3))
