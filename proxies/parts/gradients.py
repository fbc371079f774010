"""Layers, logits and gradients of a network in training mode, as SamsungLabs/zero-cost-nas takes them."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def layers(network: nn.Module) -> list[nn.Conv2d | nn.Linear]:
    """The layers that are scored, in the order of the modules: convolutions and linear layers. Biases and batch
    normalisation are not scored."""
    return [module for module in network.modules() if isinstance(module, nn.Conv2d | nn.Linear)]


def weights(network: nn.Module) -> list[Tensor]:
    """Their weights."""
    return [layer.weight for layer in layers(network)]


def logits(network: nn.Module, images: Tensor) -> Tensor:
    """(n, classes), in training mode. The auxiliary head of our networks is left out."""
    given = network.train()(images)
    return given[0] if isinstance(given, tuple) else given


def gradients(of: Tensor, to: list[Tensor], create_graph: bool = False) -> list[Tensor]:
    """d of / d each tensor; zeros where it does not depend on one, as in an architecture without a path. The graph of
    `of` can be used again."""
    return list(
        torch.autograd.grad(
            of, to, retain_graph=True, create_graph=create_graph, allow_unused=True, materialize_grads=True
        )
    )
