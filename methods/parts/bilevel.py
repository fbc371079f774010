"""What the weight-sharing methods share: how the shared weights are trained, and how a mix is measured."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from protocols.parts.optimizers import Optimizer
from spaces.parts.network import Supernet


def weight_step(
    supernet: Supernet,
    optimizer: Optimizer,
    mix: Sequence[Tensor],
    batch: tuple[Tensor, Tensor],
    clip: float,
) -> tuple[float, float]:
    """One optimizer step of the shared weights on a batch (images, labels), with gradients clipped to the global norm
    `clip`. No gradient reaches `mix`. Returns (mean loss, accuracy from 0 to 1), both from before the step."""
    images, labels = batch
    logits = supernet(images, [weight.detach() for weight in mix])
    loss = F.cross_entropy(logits, labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.clip(clip)
    optimizer.step()
    return loss.item(), hits(logits, labels) / len(labels)


def hits(logits: Tensor, labels: Tensor) -> int:
    """The number of images that are classified correctly. logits: (images, classes); labels: (images,)."""
    return int((logits.argmax(1) == labels).sum())


@torch.no_grad()
def accuracy(supernet: Supernet, mix: Sequence[Tensor], batches: Iterable[tuple[Tensor, Tensor]]) -> float:
    """The share (0 to 1) of the images in `batches` that a mix classifies correctly, with the statistics of each batch,
    as in the search."""
    right = total = 0
    for images, labels in batches:
        right += hits(supernet(images, mix), labels)
        total += len(labels)
    return right / total


def entropy(mix: Sequence[Tensor]) -> float:
    """The mean entropy of the places' weights, in nats: ln(candidates) where all are equal, 0 where one is 1."""
    with torch.no_grad():
        return sum(float(torch.special.entr(weights).sum()) for weights in mix) / len(mix)
