"""Stored images as networks see them, and where the numbers are computed."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from harness.running.memory import keep_freed_memory
from protocols.base import Setting
from protocols.datasets import Data
from protocols.parts.augmentation import augment, normalise
from spaces.parts.cpu import numerics


def device() -> torch.device:
    """The GPU where there is one; with portable numerics always the CPU. There one thread per job: many jobs run side
    by side, and the bits depend on it. Freed memory is kept."""
    keep_freed_memory()
    if torch.cuda.is_available() and not numerics.portable():
        return torch.device("cuda")
    torch.set_num_threads(1)
    return torch.device("cpu")


@dataclass(frozen=True)
class Inputs:
    """Turns batches of stored images, uint8 (n, inputs, side, side), into float batches (n, inputs, image, image),
    normalised, channels last, on the device."""

    data: Data
    setting: Setting
    device: torch.device

    def augmented(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """As in training: with the protocol's crop, flip, AutoAugment and cutout, drawn from `generator`."""
        tricks = self.setting.tricks
        batch = augment(
            images,
            generator,
            image=self.setting.image,
            crop=tricks.crop,
            flip=tricks.flip and self.data.flip,
            cutout=tricks.cutout,
            stem=self.setting.stem,
            auto_augment=tricks.auto_augment,
            mean=self.data.mean,
            std=self.data.std,
        )
        return batch.to(self.device, memory_format=torch.channels_last)

    def plain(self, images: Tensor) -> Tensor:
        """As in evaluation: without augmentation."""
        batch = normalise(images, image=self.setting.image, mean=self.data.mean, std=self.data.std)
        return batch.to(self.device, memory_format=torch.channels_last)
