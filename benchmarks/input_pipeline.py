"""The input pipeline: our augmentation on one thread against torchvision's in a DataLoader with two workers."""

from __future__ import annotations

from functools import partial
from statistics import median

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import Compose, Normalize, RandomCrop, RandomHorizontalFlip, ToTensor, functional

from benchmarks.measuring import TOLERANCES, Ratio, Scale, summary, turns
from protocols.parts.augmentation import augment
from spaces.base import UserError

MEAN, STD = (0.4914, 0.4822, 0.4465), (0.247, 0.2435, 0.2616)  # CIFAR-10
CROP = 4


class Cutout:
    """One square of zeros around a random pixel, cut off by the border (DeVries & Taylor 2017)."""

    def __init__(self, length: int):
        self.length = length

    def __call__(self, image: Tensor) -> Tensor:
        mask = torch.ones(image.shape[1:])
        y, x = (int(torch.randint(side, ())) for side in mask.shape)
        half = self.length // 2
        mask[max(y - half, 0) : y + half, max(x - half, 0) : x + half] = 0
        return image * mask


class Pictures(Dataset[Tensor]):
    """Images as torchvision's CIFAR-10 holds them, transformed one by one."""

    def __init__(self, images: Tensor):
        self.images = [Image.fromarray(np.ascontiguousarray(image.permute(1, 2, 0))) for image in images]
        side = images.shape[-1]
        crop, flip = RandomCrop(side, padding=CROP), RandomHorizontalFlip()
        self.transform = Compose([crop, flip, ToTensor(), Normalize(MEAN, STD), Cutout(side // 2)])

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Tensor:
        return self.transform(self.images[index])


def measure(name: str, scale: Scale) -> Ratio:
    """The ratio of the times of one epoch."""
    generator = torch.Generator().manual_seed(0)
    shape = (scale.images, 3, scale.image, scale.image)
    images = torch.randint(256, shape, dtype=torch.uint8, generator=generator)
    _compare(name, images[:4], generator)
    loader = DataLoader(
        Pictures(images), scale.batch, shuffle=True, num_workers=2, persistent_workers=True, generator=generator
    )
    _drain(loader, -1)  # starts the workers
    ours = partial(_epoch, images, scale, generator)
    times = turns([ours, partial(_drain, loader)], scale, alone=False)
    ratios = {"torchvision": [theirs / mine for mine, theirs in times]}
    return summary(name, ratios, median(mine for mine, _ in times))._replace(layouts={})


def _drain(loader: DataLoader[Tensor], number: int) -> None:
    for _ in loader:
        pass


def _ours(images: Tensor, generator: torch.Generator, cutout: int) -> Tensor:
    side = images.shape[-1]
    return augment(images, generator, image=side, mean=MEAN, std=STD, crop=CROP, flip=True, cutout=cutout)


def _epoch(images: Tensor, scale: Scale, generator: torch.Generator, number: int) -> None:
    for index in torch.randperm(len(images), generator=generator).split(scale.batch):
        _ours(images.index_select(0, index), generator, scale.image // 2).to(scale.device)


def _compare(name: str, images: Tensor, generator: torch.Generator) -> None:
    """UserError unless each of our images is one that torchvision can draw, apart from a blank square of at most half
    the side."""
    for picture, ours in zip(Pictures(images).images, _ours(images, generator, images.shape[-1] // 2)):
        blank = (ours == 0).all(0)
        every = torch.stack(_every(picture))
        same = ((every - ours).abs() <= TOLERANCES[ours.dtype]).all(1) | blank
        if not same.flatten(1).all(1).any() or blank.sum() > (images.shape[-1] // 2) ** 2:
            raise UserError(f"{name}: augmentation gives an image that torchvision does not: run pytest to see where")


def _every(picture: Image.Image) -> list[Tensor]:
    """All crops of a picture and their mirror images, by torchvision."""
    padded, starts = functional.pad(picture, CROP), range(2 * CROP + 1)
    crops = [functional.crop(padded, top, left, picture.height, picture.width) for top in starts for left in starts]
    normalise = Compose([ToTensor(), Normalize(MEAN, STD)])
    return [normalise(image) for crop in crops for image in (crop, functional.hflip(crop))]
