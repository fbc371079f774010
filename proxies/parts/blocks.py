"""What the blocks of a network give, one after another."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from proxies.parts.activations import outputs
from proxies.parts.gradients import logits


def blocks(network: nn.Module) -> list[nn.Module]:
    """The members of the longest list of modules that the network itself holds: the cells of a cell space, the layers
    of a layer-wise one; the network's own children where it holds none. Blocks that only pass their input on are left
    out."""
    lists = [child for child in network.children() if isinstance(child, nn.ModuleList | nn.Sequential)]
    longest = list(max(lists, key=len)) if lists else list(network.children())
    return [block for block in longest if not isinstance(block, nn.Identity)]


def block_features(network: nn.Module, images: Tensor) -> list[Tensor]:
    """The output (images, channels, height, width) of each block, with the graph that connects them."""
    with outputs(network, blocks(network)) as seen:
        logits(network, images)
    return [feature for _, feature in seen if isinstance(feature, Tensor) and feature.ndim == 4]


def entropy(feature: Tensor) -> float:
    """Of the eigenvalues of the covariance of the channels, over images and pixels, divided by their sum, in nats; 0
    where nothing varies."""
    rows = feature.detach().permute(0, 2, 3, 1).flatten(0, 2).double()
    rows = rows - rows.mean(0)
    values = torch.linalg.eigvalsh(rows.T @ rows / len(rows)).clamp(min=0)
    if not values.sum() > 0:
        return 0.0
    shares = values / values.sum()
    return float(-(shares * (shares + 1e-8).log()).sum())
