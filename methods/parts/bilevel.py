"""What the weight-sharing methods have in common: how shared weights are trained and how a mixture is judged."""

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
    """One step of the shared weights on a batch, gradients clipped to the global norm `clip`.

    `mix` is taken as constant. Gives (mean loss, accuracy from 0 to 1), both from before the step.
    """
    images, labels = batch
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    logits = supernet(images, [weight.detach() for weight in mix])
    loss = F.cross_entropy(logits, labels)
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(weights, clip)
    optimizer.step()
    return loss.item(), hits(logits, labels) / len(labels)


def hits(logits: Tensor, labels: Tensor) -> int:
    """How many images are given their label."""
    return int((logits.argmax(1) == labels).sum())


@torch.no_grad()
def accuracy(supernet: Supernet, mix: Sequence[Tensor], batches: Iterable[tuple[Tensor, Tensor]]) -> float:
    """Share (0 to 1) of the images in `batches` that a mixture classifies right. Batch statistics, as in search."""
    right = total = 0
    for images, labels in batches:
        right += hits(supernet(images, mix), labels)
        total += len(labels)
    return right / total


def entropy(mix: Sequence[Tensor]) -> float:
    """Mean entropy of the places, in nats: ln(candidates) when undecided, 0 when decided."""
    with torch.no_grad():
        return sum(float(torch.special.entr(weights).sum()) for weights in mix) / len(mix)
