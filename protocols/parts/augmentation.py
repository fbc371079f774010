"""Batched augmentation on uint8 tensors: no loop over images, no worker processes, every draw from one CPU generator.

The order is that of public code: crop, mirror, AutoAugment, normalise, cutout. A blanked square therefore has the value
0, the mean of the pixels. Draws are made on the CPU for a whole batch at a time, so that the same generator state gives
the same images on every device.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from protocols.parts.auto_augment import auto_augmented
from spaces.parts.cpu.numerics import root

AREA = (0.08, 1.0)  # share of the image that a random resized crop shows (torchvision's defaults)
RATIO = (3 / 4, 4 / 3)  # its width over its height
JITTER = 0.4  # brightness, contrast and saturation are multiplied by 1 ± JITTER
HUE = 0.2  # the hue is turned by ± HUE of a full circle

# Luma and two chroma axes (NTSC). A rotation of the chroma plane changes the hue: it is linear and keeps the luma.
_YIQ = torch.tensor([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])
_RGB = torch.linalg.inv(_YIQ)


def augment(
    images: Tensor,
    generator: torch.Generator,
    *,
    image: int,
    mean: Sequence[float],
    std: Sequence[float],
    crop: int = 0,
    flip: bool = False,
    cutout: int = 0,
    stem: str = "cifar",
    auto_augment: str = "",
) -> Tensor:
    """Random crops, mirroring and blanked squares of images, uint8 (n, inputs, side, side), which are not changed.

    Returns float32 (n, inputs, image, image), normalised, channels_last. crop: pixels of black padding before a random
    crop; with stem "imagenet" and crop > 0 a random resized crop and colour jitter instead. cutout: side of the blanked
    square in pixels; the border may clip it (DeVries & Taylor 2017). mean, std: per channel, for pixels from 0 to 1.
    auto_augment: a policy of AutoAugment, or "". Draws, in this order: tops and lefts, mirrors, the policy's seed, rows
    and columns of the squares' centres.
    """
    if stem == "imagenet" and crop:
        x = _resized_crop(images, generator, image, flip)
        if auto_augment:
            x = auto_augmented((255 * x).round().byte(), generator, auto_augment) / 255
        x = _normalised(_jittered(x, generator), mean, std, white=1.0)
    else:
        x = _shifted(images, generator, image, crop, flip)
        if auto_augment:
            x = auto_augmented(x, generator, auto_augment)
        x = _normalised(x, mean, std)
    return _blanked(x, generator, cutout) if cutout else x


def normalise(images: Tensor, mean: Sequence[float], std: Sequence[float], image: int) -> Tensor:
    """The images of an evaluation: the centre of uint8 (n, inputs, side, side) as float32 (n, inputs, image, image),
    normalised, channels_last. mean, std: as in `augment`."""
    start = (images.shape[-1] - image) // 2
    return _normalised(images[..., start : start + image, start : start + image], mean, std)


def _normalised(x: Tensor, mean: Sequence[float], std: Sequence[float], white: float = 255.0) -> Tensor:
    """(x / white - mean) / std, as one multiply-add over whole rows: broadcasting over 3 channels is 8 times slower.
    The conversion to floats comes before that to channels_last: torch moves single floats twice as fast as single
    bytes."""
    n, channels, height, width = x.shape
    scale = torch.tensor([1 / (white * s) for s in std], device=x.device).repeat(width)
    shift = torch.tensor([-m / s for m, s in zip(mean, std)], device=x.device).repeat(width)
    rows = x.float().permute(0, 2, 3, 1).reshape(n * height, width * channels)
    return torch.addcmul(shift, rows, scale).view(n, height, width, channels).permute(0, 3, 1, 2)


def _shifted(images: Tensor, generator: torch.Generator, image: int, crop: int, flip: bool) -> Tensor:
    """Random windows of the zero-padded images, with `flip` mirrored at random, in the same dtype."""
    n, channels, side, _ = images.shape
    side += 2 * crop
    top, left = torch.randint(side - image + 1, (2, n, 1), generator=generator)
    padded = F.pad(images, (crop,) * 4)
    if flip:  # the mirrored images are appended to the images
        mirrored = torch.rand(n, 1, generator=generator) < 0.5
        left = torch.where(mirrored, padded.numel() + side - image - left, left)
        padded = torch.cat([padded, padded.flip(3)])
    rows = padded.flatten().as_strided((padded.numel() - image + 1, image), (1, 1))  # `image` pixels from each pixel on
    starts = _first_pixels(n, channels, image, side) + top * side + left
    return rows.index_select(0, starts.flatten().to(images.device)).view(n, channels, image, image)


@cache
def _first_pixels(n: int, channels: int, image: int, side: int) -> Tensor:
    """Positions of the first `image` rows of every channel in a flattened batch (n, channels, side, side): (n, channels
    * image)."""
    return torch.arange(n * channels * side).view(n, channels, side)[:, :, :image].flatten(1) * side


def _blanked(x: Tensor, generator: torch.Generator, cutout: int) -> Tensor:
    """Sets one square of each image to 0, in place; its centre is any pixel. x: channels_last."""
    n, channels, height, width = x.shape
    y, x_ = (torch.randint(size, (n, 1), generator=generator) for size in (height, width))

    def inside(centre: Tensor, size: int) -> Tensor:
        start, at = centre - cutout // 2, torch.arange(size)
        return ((at >= start) & (at < start + cutout)).float()

    # A product, because filling by a boolean mask is 15 times slower in torch.
    hole = inside(y, height)[:, :, None] * inside(x_, width).repeat_interleave(channels, 1)[:, None, :]
    x.permute(0, 2, 3, 1).view(n, height, width * channels).mul_((1 - hole).to(x.device))
    return x


def _resized_crop(images: Tensor, generator: torch.Generator, image: int, flip: bool) -> Tensor:
    """Random windows of random area and shape, resized to `image` pixels: float32 from 0 to 1.

    As torchvision's RandomResizedCrop, except that windows that do not fit are cut to the image instead of drawn again.
    Bilinear without antialiasing: from 256 to 224 pixels a window shrinks by 1/7 at most.
    """
    n = len(images)
    area, ratio, left, top, mirror = torch.rand(5, n, generator=generator)
    area = AREA[0] + (AREA[1] - AREA[0]) * area
    ratio = torch.exp(math.log(RATIO[0]) + math.log(RATIO[1] / RATIO[0]) * ratio)
    width, height = root(area * ratio).clamp(max=1), root(area / ratio).clamp(max=1)
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0] = torch.where(mirror < 0.5, -width, width) if flip else width
    theta[:, 1, 1] = height
    theta[:, 0, 2], theta[:, 1, 2] = (2 * left - 1) * (1 - width), (2 * top - 1) * (1 - height)
    grid = F.affine_grid(theta.to(images.device), [n, 1, image, image], align_corners=False)
    return F.grid_sample(images.float() / 255, grid, padding_mode="border", align_corners=False)


def _jittered(x: Tensor, generator: torch.Generator) -> Tensor:
    """Random brightness, contrast, saturation and hue of images from 0 to 1."""
    draws = 2 * torch.rand(4, len(x), generator=generator) - 1
    return recolour(x, *(1 + JITTER * draws[:3]), HUE * draws[3])


def recolour(x: Tensor, brightness: Tensor, contrast: Tensor, saturation: Tensor, hue: Tensor) -> Tensor:
    """Changes the colours of images, float (n, 1 or 3, height, width) from 0 to 1. brightness, contrast and saturation:
    factors (n,); hue: (n,), in turns of the colour circle.

    The changes are applied in this order as one 3x3 matrix per image and clipped once at the end. torchvision shuffles
    the order, clips after each change, and turns the hue in HSV instead of NTSC's chroma plane. Images of one channel
    have brightness and contrast only.
    """
    luma = _YIQ[0] if x.shape[1] == 3 else torch.ones(1)
    mean = x.mean((2, 3)).cpu() @ luma
    if x.shape[1] == 3:
        cos, sin = (f(2 * math.pi * hue) * saturation for f in (torch.cos, torch.sin))
        chroma = torch.zeros(len(x), 3, 3)
        chroma[:, 0, 0] = 1
        chroma[:, 1, 1], chroma[:, 1, 2], chroma[:, 2, 1], chroma[:, 2, 2] = cos, -sin, sin, cos
        matrix = _RGB @ chroma @ _YIQ
    else:
        matrix = torch.ones(len(x), 1, 1)
    matrix = matrix * (brightness * contrast)[:, None, None]
    offset = (brightness * (1 - contrast) * mean)[:, None, None]
    return torch.baddbmm(offset.to(x.device), matrix.to(x.device), x.flatten(2)).clamp_(0, 1).view_as(x)
