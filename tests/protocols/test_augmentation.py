"""Batched augmentation against a loop over single images that follows the papers."""

import math

import numpy as np
import pytest
import torch

from protocols.parts.augmentation import augment, normalise, recolour

MEAN, STD = (0.49, 0.48, 0.45), (0.25, 0.24, 0.26)


def _batch(n=12, channels=3, side=16):
    return torch.randint(256, (n, channels, side, side), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


def _generator(seed=0):
    return torch.Generator().manual_seed(seed)


def _one_by_one(images, generator, image, mean, std, crop, flip, cutout):
    """Crop, mirror, normalise and cutout (quark0/darts, utils.py), one image and one pixel row at a time."""
    n, channels, side, _ = images.shape
    corners = torch.randint(side + 2 * crop - image + 1, (2, n, 1), generator=generator)[..., 0].tolist()
    mirrors = (torch.rand(n, 1, generator=generator) < 0.5)[:, 0].tolist() if flip else [False] * n
    centres = [torch.randint(image, (n, 1), generator=generator)[:, 0].tolist() for _ in "yx"] if cutout else None
    out = np.zeros((n, channels, image, image))
    for k in range(n):
        padded = np.pad(images[k].numpy(), ((0, 0), (crop, crop), (crop, crop)))
        top, left = corners[0][k], corners[1][k]
        picture = padded[:, top : top + image, left : left + image] / 255
        picture = picture[:, :, ::-1] if mirrors[k] else picture
        out[k] = (picture - np.reshape(mean, (-1, 1, 1))) / np.reshape(std, (-1, 1, 1))
        if cutout:
            y, x = centres[0][k], centres[1][k]
            rows = slice(max(0, y - cutout // 2), min(image, y + cutout // 2))
            out[k][:, rows, max(0, x - cutout // 2) : min(image, x + cutout // 2)] = 0
    return out


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    "crop, flip, cutout, image", [(0, False, 0, 16), (4, True, 0, 16), (2, True, 8, 16), (0, True, 4, 12)]
)
def test_equals_the_loop(channels, crop, flip, cutout, image):
    images, settings = _batch(channels=channels), {"image": image, "crop": crop, "flip": flip, "cutout": cutout}
    settings |= {"mean": MEAN[:channels], "std": STD[:channels]}
    ours = augment(images, _generator(), **settings)
    assert ours.dtype == torch.float32 and ours.is_contiguous(memory_format=torch.channels_last)
    np.testing.assert_allclose(ours.numpy(), _one_by_one(images, _generator(), **settings), atol=2e-6)


@pytest.mark.parametrize("stem, image", [("cifar", 16), ("imagenet", 14)])
def test_same_generator_same_images_and_global_generator_unused(stem, image):
    settings = {"image": image, "mean": MEAN, "std": STD, "crop": 2, "flip": True, "cutout": 4, "stem": stem}
    images = _batch()
    before, state = images.clone(), torch.get_rng_state()
    first, again, other = (augment(images, _generator(seed), **settings) for seed in (0, 0, 1))
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), state) and torch.equal(images, before)


@pytest.mark.parametrize("stem", ["cifar", "imagenet"])
def test_an_image_does_not_depend_on_the_others(stem):
    settings = {"image": 16, "mean": MEAN, "std": STD, "crop": 2, "flip": True, "cutout": 4, "stem": stem}
    images, changed = _batch(), _batch()
    changed[1:] = 255 - changed[1:]
    pair = [augment(x, _generator(), **settings) for x in (images, changed)]
    assert torch.allclose(pair[0][0], pair[1][0], atol=1e-6) and not torch.allclose(pair[0][1], pair[1][1])


def test_draws_differ_between_images_and_cover_their_range():
    """With one lit pixel in the middle, its position shows each image's crop and mirroring."""
    images = torch.zeros(4000, 1, 9, 9, dtype=torch.uint8)
    images[:, :, 4, 3] = 255
    x = augment(images, _generator(), image=9, mean=[0.0], std=[1.0], crop=2, flip=True)
    rows, columns = np.nonzero(x.numpy()[:, 0])[1:]
    assert len(rows) == 4000
    assert np.abs(np.bincount(rows, minlength=9)[2:7] / 4000 - 0.2).max() < 0.03
    wanted = np.bincount([c for s in range(-2, 3) for c in (3 + s, 5 - s)], minlength=9) / 10
    assert np.abs(np.bincount(columns, minlength=9) / 4000 - wanted).max() < 0.03


def test_cutout_is_blank_after_normalisation_and_clipped_by_the_border():
    images = torch.full((3000, 1, 16, 16), 255, dtype=torch.uint8)
    x = augment(images, _generator(), image=16, mean=[0.2], std=[0.5], cutout=8)
    blank = (x == 0).sum((1, 2, 3))
    assert blank.max() == 64 and blank.min() == 16  # a square in a corner keeps a quarter
    mean_side = sum(min(16, c + 4) - max(0, c - 4) for c in range(16)) / 16
    assert abs(blank.float().mean() - mean_side**2) < 1.0
    assert x.max() == pytest.approx((1 - 0.2) / 0.5)


@pytest.mark.parametrize("channels, side, image", [(3, 16, 16), (1, 16, 16), (3, 16, 14)])
def test_normalise_shows_the_centre(channels, side, image):
    images, margin = _batch(channels=channels, side=side), (side - image) // 2
    ours = normalise(images, MEAN[:channels], STD[:channels], image)
    centre = images.numpy()[:, :, margin : margin + image, margin : margin + image] / 255
    shape = (-1, 1, 1)
    wanted = (centre - np.reshape(MEAN[:channels], shape)) / np.reshape(STD[:channels], shape)
    np.testing.assert_allclose(ours.numpy(), wanted, atol=2e-6)


def test_resized_crop_shows_windows_of_the_published_areas_and_shapes():
    """The pixels are coordinates, so that the result shows its window."""
    ramp = torch.arange(0, 256, 4, dtype=torch.uint8)
    images = torch.stack([ramp.expand(64, 64), ramp[:, None].expand(64, 64)])[None].repeat(500, 1, 1, 1)
    from protocols.parts.augmentation import _resized_crop

    x = _resized_crop(images, _generator(), 32, flip=True) * 255 / 4
    width = (x[:, 0, 16, -2] - x[:, 0, 16, 1]) / 29 * 32
    height = (x[:, 1, -2, 16] - x[:, 1, 1, 16]) / 29 * 32
    assert 0.4 < (width < 0).float().mean() < 0.6  # mirrored
    area, ratio = width.abs() * height / 64**2, width.abs() / height
    assert area.min() > 0.06 and area.max() <= 1.02 and abs(area.mean() - 0.52) < 0.05
    inside = area < 0.5  # larger windows are cut to the image
    assert ratio[inside].min() > 0.73 and ratio[inside].max() < 1.36


def test_recolour_equals_its_definition_pixel_by_pixel():
    x = 0.3 + 0.3 * torch.rand(5, 3, 4, 4, generator=_generator())
    b, c, s, h = (torch.rand(5, generator=_generator(i)) * 0.2 + low for i, low in enumerate((0.9, 0.9, 0.9, -0.1)))
    ours = recolour(x, b, c, s, h).double().numpy()
    yiq = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])
    for k in range(5):
        bright = x[k].double().numpy() * float(b[k])
        mean = (yiq[0] @ bright.reshape(3, -1)).mean()
        contrasted = mean + (bright - mean) * float(c[k])
        for row in range(4):
            for column in range(4):
                luma, *chroma = yiq @ contrasted[:, row, column]
                turned = complex(*chroma) * float(s[k]) * np.exp(2j * math.pi * float(h[k]))
                wanted = np.linalg.solve(yiq, [luma, turned.real, turned.imag])
                np.testing.assert_allclose(ours[k, :, row, column], wanted, atol=1e-5)


def test_recolour_extremes():
    x, one, zero = torch.rand(2, 3, 4, 4, generator=_generator()), torch.ones(2), torch.zeros(2)
    assert torch.allclose(recolour(x, one, one, one, zero), x, atol=1e-5)
    grey = recolour(x, one, one, zero, zero)
    assert torch.allclose(grey[:, 0], grey[:, 2], atol=1e-5) and torch.allclose(grey[:, 0], grey[:, 1], atol=1e-5)
    assert (recolour(x, 3 * one, one, one, zero) <= 1).all() and (
        recolour(x, one, zero, one, zero).std((2, 3)) < 1e-5
    ).all()
    assert torch.allclose(recolour(x[:, :1], 0.5 * one, one, zero, zero), x[:, :1] / 2, atol=1e-6)


@pytest.mark.parametrize("channels", [1, 3])
def test_auto_augment_comes_after_crop_and_mirror_and_before_the_blank_square(channels):
    """Against torchvision's own policy, image by image; the square stays blank, and the global generator unused."""
    from torchvision.transforms import AutoAugment, AutoAugmentPolicy

    images, settings = _batch(channels=channels), {"image": 16, "crop": 2, "flip": True}
    settings |= {"mean": MEAN[:channels], "std": STD[:channels]}
    state = torch.get_rng_state()
    ours = augment(images, _generator(), **settings, cutout=4, auto_augment="cifar10")
    assert torch.equal(torch.get_rng_state(), state)
    generator = _generator()
    plain = augment(images, generator, **settings)
    cropped = plain * torch.tensor(STD[:channels]).view(-1, 1, 1) + torch.tensor(MEAN[:channels]).view(-1, 1, 1)
    torch.manual_seed(int(torch.randint(2**62, (), generator=generator)))
    policy = AutoAugment(AutoAugmentPolicy("cifar10"))
    expected = torch.stack([policy(image) for image in (255 * cropped).round().byte().contiguous()])
    torch.set_rng_state(state)
    centres = [torch.randint(16, (len(images), 1), generator=generator)[:, 0].tolist() for _ in "yx"]
    expected = normalise(expected, MEAN[:channels], STD[:channels], 16)
    for k, (y, x) in enumerate(zip(*centres)):
        expected[k, :, max(0, y - 2) : y + 2, max(0, x - 2) : x + 2] = 0
    assert torch.allclose(ours, expected, atol=1e-5) and not torch.allclose(ours, plain, atol=1e-2)
