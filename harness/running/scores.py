"""Scores of architectures by proxies: fresh networks, one batch for all."""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor

from harness.plan import registry
from harness.plan.seeds import seed_of
from harness.running.inputs import Inputs
from harness.running.networks import plain
from harness.running.short_training import ShortTraining
from protocols.base import Fidelity
from spaces.base import Arch

IMAGES = 64
"""In the batch (Abdelfattah et al., ICLR 2021)."""


class Scores:
    """The networks have the size and the weights with which the search's short trainings begin."""

    def __init__(self, training: ShortTraining, fidelity: Fidelity):
        self._training, self._fidelity = training, fidelity

    def __call__(self, proxy: str, arch: Arch) -> float:
        training = self._training
        network = plain(lambda: training.space.build(arch, training.size(self._fidelity)), training.seed(arch))
        generator = torch.Generator().manual_seed(seed_of(**training.job.key, purpose="score"))
        return registry.proxy(proxy).score(network.to(training.device), self.batch, generator)

    @cached_property
    def batch(self) -> tuple[Tensor, Tensor]:
        images, labels = self._training.data.train
        generator = torch.Generator().manual_seed(seed_of(**self._training.job.key, purpose="score batch"))
        kept = torch.randperm(len(images), generator=generator)[:IMAGES]
        inputs = Inputs(self._training.data, self._training.job.setting, self._training.device)
        return inputs.plain(images[kept]), labels[kept].to(self._training.device)
