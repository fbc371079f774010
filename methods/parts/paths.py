"""Paths through a supernet: one epoch of shared weights with one architecture per batch, and the best of several."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from methods.base import Run
from methods.parts.bilevel import accuracy, means, weight_step
from protocols.parts.optimizers import Optimizer
from spaces.base import Arch
from spaces.parts.network import Supernet


def train_paths(
    run: Run,
    supernet: Supernet,
    optimizer: Optimizer,
    archs: Iterable[Arch],
    clip: float | None,
    label_smoothing: float = 0.0,
) -> dict[str, float]:
    """One epoch of the shared weights: each training batch trains the path of the next of `archs`, which must be as
    many as there are batches, or more. Returns the means of loss and accuracy, both from before the steps."""
    steps = [
        weight_step(supernet, optimizer, supernet.path(arch), batch, clip, label_smoothing)
        for batch, arch in zip(run.batches("train"), archs)
    ]
    return means({"train_loss": loss, "train_accuracy": share} for loss, share in steps)


def path_accuracy(run: Run, supernet: Supernet, arch: Arch, batches: int | None = None) -> float:
    """The accuracy (0 to 1) of an architecture with the shared weights on the whole validation half, or on some fresh
    random batches of it."""
    return accuracy(supernet, supernet.path(arch), islice(run.batches("val", augment=False), batches))


def most_accurate(run: Run, supernet: Supernet, archs: Iterable[Arch]) -> Arch:
    """The architecture with the best accuracy on the whole validation half, the first of equal ones."""
    return max(archs, key=lambda arch: path_accuracy(run, supernet, arch))


def chosen_mix(supernet: Supernet, chosen: Sequence[int]) -> list[Tensor]:
    """The mix of zeros and ones that computes one candidate at each place, given by their numbers."""
    like = next(supernet.parameters())
    return [one_hot(torch.tensor(k), candidates).to(like) for k, candidates in zip(chosen, supernet.shape)]


def random_archs(run: Run) -> Iterator[Arch]:
    """Architectures drawn uniformly from the run's space, without end."""
    while True:
        yield run.space.sample(run.rng)
