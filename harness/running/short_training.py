"""Answers a search's questions by short trainings from scratch, measured on the validation half."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from harness.plan import registry
from harness.plan.jobs import Search, Training, fraction_of
from harness.plan.seeds import seed_of
from harness.running.checkpoint import Checkpoint
from harness.running.counts import describe
from harness.running.evaluations import Answer
from harness.running.inputs import Inputs
from harness.running.networks import fresh, plain
from harness.running.train import Trainer
from protocols.base import Fidelity
from protocols.datasets import Data, Split
from spaces.base import Arch, Size, Space, UserError
from spaces.parts.network import Network

SCORED = 64
"""Images that a proxy sees (Abdelfattah et al., ICLR 2021)."""


@dataclass(frozen=True)
class ShortTraining:
    """Networks have the size of the protocol's trainings; epochs and recipe as well, but for the budget's own number of
    epochs. Weights and all that is drawn depend on the search's seed and the architecture."""

    job: Search
    space: Space
    data: Data
    device: torch.device

    @property
    def full(self) -> Fidelity:
        return Fidelity(max(1, self.job.setting.budget.evaluation_epochs))

    def network(self, arch: Arch, fidelity: Fidelity) -> Network:
        """The fresh network of an architecture, in its faster form."""
        return fresh(lambda: self.space.build(arch, self.size(fidelity)), self.seed(arch), self.device)

    def seed(self, arch: Arch) -> int:
        return seed_of(**self.job.key, purpose="evaluation", arch=self.space.text(arch))

    def size(self, fidelity: Fidelity) -> Size:
        full = Training(self.job).size(len(self.data.classes), self.data.inputs)
        channels, image = fraction_of(full.channels, fidelity.channels), fraction_of(full.image, fidelity.resolution)
        return replace(full, channels=channels, image=image)

    def cost(self, metric: str, arch: Arch) -> float:
        """Of the network without auxiliary head, as records count it."""
        if metric not in ("macs", "parameters"):
            raise UserError(f"a search by trainings knows the costs macs and parameters, not {metric!r}")
        size = replace(self.size(Fidelity(1)), auxiliary=False)
        return describe(self.space, self.space.decode(arch), size)[metric]

    def fidelities(self, axis: str) -> tuple[Fidelity, ...]:
        """Halves of the full fidelity, down to an eighth or to what can still be trained."""
        full = self.full
        if axis not in self._whole:
            raise ValueError(f"evaluations are reduced in {', '.join(self._whole)}, not in {axis!r}")
        most, least = self._whole[axis]
        parts = [part for part in (8, 4, 2, 1) if part == 1 or most // part >= least]
        if axis == "epochs":
            return tuple(replace(full, epochs=most // part) for part in parts)
        return tuple(replace(full, **{axis: 1 / part}) for part in parts)  # type: ignore[arg-type]

    @cached_property
    def _whole(self) -> dict[str, tuple[int, int]]:
        """Of each axis, how much the full fidelity has, and the least that can be trained."""
        full, size = self.full, self.size(self.full)
        return {
            "epochs": (full.epochs, 1),
            "channels": (size.channels, 1),
            "resolution": (size.image, 4),
            "samples": (len(self.data.train.images), self.job.setting.training.batch),
        }

    def reduced(self, reduction: Mapping[str, float]) -> Fidelity:
        """The full fidelity by these fractions, or by as much as can still be trained."""
        parts = {
            axis: max(part, min(1.0, self._whole[axis][1] / self._whole[axis][0])) for axis, part in reduction.items()
        }
        epochs = max(1, round(self.full.epochs * parts.pop("epochs", 1.0)))
        return Fidelity(epochs, **parts)

    def score(self, proxy: str, arch: Arch) -> float:
        """Of the network with which the short training begins, in its plain form."""
        network = plain(lambda: self.space.build(arch, self.size(self.full)), self.seed(arch)).to(self.device)
        generator = torch.Generator().manual_seed(seed_of(**self.job.key, purpose="score"))
        return registry.proxy(proxy).score(network, self._batch, generator)

    @cached_property
    def _batch(self) -> tuple[Tensor, Tensor]:
        """What proxies see: the same for all architectures of a search."""
        images, labels = self.data.train
        generator = torch.Generator().manual_seed(seed_of(**self.job.key, purpose="score batch"))
        kept = torch.randperm(len(images), generator=generator)[:SCORED]
        return Inputs(self.data, self.job.setting, self.device).plain(images[kept]), labels[kept].to(self.device)

    def __call__(self, arch: Arch, fidelity: Fidelity) -> Answer:
        trainer, images = self.trained(arch, fidelity)
        return Answer(self.accuracy(trainer, self.data.val), images=images)

    def trained(self, arch: Arch, fidelity: Fidelity) -> tuple[Trainer, int]:
        """An architecture's network after its short training, and the number of images that it has seen."""
        network, side = self.network(arch, fidelity), self.size(fidelity).image
        generator = torch.Generator().manual_seed(self.seed(arch))
        trainer = Trainer(network, self.data, replace(self.job.setting, image=side), generator)
        images, labels = self._sample(fidelity.samples)
        trainer.train(self._scaled(images, side), labels, fidelity.epochs, Checkpoint(None, ""))
        return trainer, len(images) * fidelity.epochs

    def accuracy(self, trainer: Trainer, split: Split) -> float:
        """On a split, at the resolution that the network was trained with."""
        return trainer.accuracy(self._scaled(split.images, trainer.setting.image), split.labels)

    def _sample(self, fraction: float) -> Split:
        """A part of the training half, the same for all architectures of a search."""
        images, labels = self.data.train
        if fraction == 1:
            return self.data.train
        generator = torch.Generator().manual_seed(seed_of(**self.job.key, purpose="evaluation samples"))
        kept = torch.randperm(len(images), generator=generator)[: fraction_of(len(images), fraction)]
        return Split(images[kept], labels[kept])

    def _scaled(self, images: Tensor, side: int) -> Tensor:
        """Stored images, uint8 (n, inputs, height, width), for networks that see `side` pixels; each pixel is the mean
        of those that it replaces."""
        full = self.job.setting.image
        if side == full:
            return images
        stored = round(images.shape[-1] * side / full)
        return interpolate(images.float(), size=(stored, stored), mode="area").round().to(torch.uint8)
