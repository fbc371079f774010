"""What the weight-sharing methods share: how weights and architecture parameters are trained, how a mix is measured."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

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
    clip: float | None,
    label_smoothing: float = 0.0,
) -> tuple[float, float]:
    """One optimizer step of the shared weights on a batch (images, labels), with gradients clipped to the global norm
    `clip`, if any. No gradient reaches `mix`. Returns (mean loss, accuracy from 0 to 1), both from before the step."""
    images, labels = batch
    logits = supernet(images, [weight.detach() for weight in mix])
    loss = F.cross_entropy(logits, labels, label_smoothing=label_smoothing)
    optimizer.zero_grad()
    loss.backward()
    if clip is not None:
        optimizer.clip(clip)
    optimizer.step()
    return loss.item(), hits(logits, labels) / len(labels)


def architecture_step(
    supernet: Supernet,
    optimizer: Optimizer | None,
    mix: Sequence[Tensor],
    batch: tuple[Tensor, Tensor],
    loss: Callable[[Tensor], Tensor] = lambda cross_entropy: cross_entropy,
) -> tuple[float, float]:
    """One optimizer step of the architecture parameters behind `mix` on a batch (images, labels); without an optimizer
    the mix is only measured. No gradient reaches the shared weights. `loss`: of the cross entropy, both scalars.
    Returns (mean cross entropy, accuracy from 0 to 1), both from before the step."""
    images, labels = batch
    supernet.requires_grad_(False)
    logits = supernet(images, mix if optimizer else [weight.detach() for weight in mix])
    supernet.requires_grad_(True)
    cross_entropy = F.cross_entropy(logits, labels)
    if optimizer:
        optimizer.zero_grad()
        loss(cross_entropy).backward()
        optimizer.step()
    return cross_entropy.item(), hits(logits, labels) / len(labels)


def joint_step(
    supernet: Supernet,
    optimizers: tuple[Optimizer, Optimizer],
    mix: Sequence[Tensor],
    batch: tuple[Tensor, Tensor],
    clip: float,
    loss: Callable[[Tensor], Tensor] = lambda cross_entropy: cross_entropy,
) -> tuple[float, float]:
    """One step of shared weights and architecture parameters together, by the gradient of one loss on one batch: one
    level instead of two. optimizers: of the weights, whose gradients are clipped to the global norm `clip`, and of the
    parameters behind `mix`. loss: of the cross entropy. Returns (mean cross entropy, accuracy from 0 to 1), both from
    before the step."""
    images, labels = batch
    logits = supernet(images, mix)
    cross_entropy = F.cross_entropy(logits, labels)
    for optimizer in optimizers:
        optimizer.zero_grad()
    loss(cross_entropy).backward()
    optimizers[0].clip(clip)
    for optimizer in optimizers:
        optimizer.step()
    return cross_entropy.item(), hits(logits, labels) / len(labels)


def means(steps: Iterable[dict[str, float]]) -> dict[str, float]:
    """The mean of each number over the steps of an epoch."""
    rows = list(steps)
    return {name: sum(row[name] for row in rows) / len(rows) for name in rows[0]}


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
