"""How large a network is: parameters and multiply-adds, in the literature's conventions."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from spaces.base import Size, Space


def describe(space: Space, design: Any, size: Size) -> dict[str, Any]:
    """Counts a network without allocating or computing anything: tensors of torch's "meta" device have shapes alone.

    `parameters`: elements of all parameters, with the auxiliary head's where the size asks for one (the literature
    leaves the head out). `macs`: multiply-adds of convolutions and linear layers for one image in evaluation, where
    the head is not computed.
    """
    with torch.device("meta"):
        network = space.network(design, size)
        images = torch.zeros(2, size.inputs, size.image, size.image)
    counts = {"parameters": _parameters(network), "macs": _macs(network.eval(), images)}
    if network.auxiliary is not None:
        counts["auxiliary_parameters"] = _parameters(network.auxiliary)
        counts["auxiliary_macs"] = _macs(network.train(), images) - counts["macs"]
    return counts


def describe_supernet(space: Space, size: Size) -> dict[str, Any]:
    """Parameters of the supernet, without architecture parameters, and multiply-adds with every candidate computed."""
    with torch.device("meta"):
        supernet = space.supernet(size)
        images = torch.zeros(2, size.inputs, size.image, size.image)
        mix = [torch.full((candidates,), 1.0, requires_grad=True) for candidates in supernet.shape]
    return {"parameters": _parameters(supernet), "macs": _macs(supernet, images, mix), "places": list(supernet.shape)}


def _parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def _macs(network: nn.Module, images: torch.Tensor, *more: Any) -> int:
    """Of one image: two are counted, because batch normalisation cannot train on one."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(images, *more)
    return counter.get_total_flops() // 2 // len(images)
