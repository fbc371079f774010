"""Procedural colour textures. A family is a pattern in the plane. Angle, wavelength, phase, proportions, warp, colours,
light and noise vary within a family, and all families draw them from the same ranges."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image

SIDE = 32
Pattern = Callable[[np.ndarray, np.ndarray, np.random.Generator], np.ndarray]


def texture(family: str, rng: np.random.Generator) -> np.ndarray:
    """uint8 (32, 32, 3) of one family, with random parameters."""
    u, v = _plane(rng)
    value = _stretched(FAMILIES[family](u, v, rng))
    ink, paper = _colours(rng)
    picture = paper + (ink - paper) * value[..., None]
    picture += rng.uniform(0, 12) * _smooth(rng, 3)[..., None]  # uneven light
    return np.clip(picture + rng.normal(0, rng.uniform(0, 8), picture.shape), 0, 255).astype(np.uint8)


def _plane(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates in periods (a period is 10 to 14 pixels), turned, shifted and gently warped."""
    y, x = np.mgrid[:SIDE, :SIDE] / rng.uniform(10, 14)
    angle, warp = rng.uniform(-0.4, 0.4), rng.uniform(0, 0.05)
    x, y = x + warp * _smooth(rng, 4), y + warp * _smooth(rng, 4)
    u, v = np.cos(angle) * x - np.sin(angle) * y, np.sin(angle) * x + np.cos(angle) * y
    return u + rng.uniform(0, 8), v + rng.uniform(0, 8)


def _smooth(rng: np.random.Generator, cells: int) -> np.ndarray:
    """Noise of unit size that varies over 1/cells of the picture: (32, 32)."""
    coarse = Image.fromarray(rng.normal(0, 1, (cells, cells)).astype(np.float32))
    return np.asarray(coarse.resize((SIDE, SIDE), Image.Resampling.BICUBIC))


def _stretched(value: np.ndarray) -> np.ndarray:
    return (value - value.min()) / max(np.ptp(value), 1e-9)


def _colours(rng: np.random.Generator) -> np.ndarray:
    """A lighter and a darker colour, (2, 3), that differ by more than 110 of 255 on average."""
    while True:
        light, dark = rng.uniform(0, 255, (2, 3))
        if (light - dark).mean() > 110:
            return np.stack((light, dark))


def _wave(t: np.ndarray) -> np.ndarray:
    return np.sin(2 * np.pi * t)


def _near(t: np.ndarray, width: float) -> np.ndarray:
    """1 on a line at every whole number, falling to 0 at the distance `width`."""
    return np.clip(1 - np.abs((t + 0.5) % 1 - 0.5) / width, 0, 1)


def _stripes(u: np.ndarray, v: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.clip(rng.uniform(1, 4) * _wave(u), -1, 1)


def _waves(u: np.ndarray, v: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.clip(rng.uniform(1, 4) * _wave(u + rng.uniform(0.15, 0.35) * _wave(v / rng.uniform(1, 2))), -1, 1)


def _spokes(u: np.ndarray, v: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    centre = rng.uniform(0.2, 0.8, 2)
    angle = np.arctan2(v - np.quantile(v, centre[1]), u - np.quantile(u, centre[0])) / (2 * np.pi)
    return np.clip(rng.uniform(1, 4) * _wave(angle * rng.integers(5, 10)), -1, 1)


def _checks(u: np.ndarray, v: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.clip(rng.uniform(1, 6) * _wave(u) * _wave(v * rng.uniform(0.6, 1)), -1, 1)


def _grid(u: np.ndarray, v: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    width = rng.uniform(0.15, 0.35)
    return np.maximum(_near(u, width), _near(v * rng.uniform(0.6, 1), width))


def _dots(u: np.ndarray, v: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    distance = np.hypot((u % 1) - 0.5, (v % 1) - 0.5)
    return np.clip((rng.uniform(0.25, 0.45) - distance) * rng.uniform(3, 8), -1, 1)


def _honeycomb(u: np.ndarray, v: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    third = np.sqrt(3) / 2
    value = _wave(u) + _wave(-u / 2 + third * v) + _wave(-u / 2 - third * v)
    return np.clip(value, -rng.uniform(0.5, 1.5), rng.uniform(0.5, 3))


def _bricks(u: np.ndarray, v: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    width, shift = rng.uniform(0.15, 0.35), np.floor(v) % 2 / 2
    return np.maximum(_near(u / rng.uniform(1.2, 2) + shift, width / 1.5), _near(v, width))


def _rings(u: np.ndarray, v: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    centre = rng.uniform(0, 1, 2)
    radius = np.hypot(u - np.quantile(u, centre[0]), v - np.quantile(v, centre[1]))
    return np.clip(rng.uniform(1, 4) * _wave(radius + rng.uniform()), -1, 1)


def _cells(u: np.ndarray, v: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Worley noise: distance to the nearest of random points, about one a period."""
    low, high = (u.min() - 1, v.min() - 1), (u.max() + 1, v.max() + 1)
    points = rng.uniform(low, high, (int((high[0] - low[0]) * (high[1] - low[1])) + 2, 2))
    first, second = np.sort(np.hypot(u[..., None] - points[:, 0], v[..., None] - points[:, 1]), axis=-1)[..., :2].T
    return (second - first).T if rng.random() < 0.5 else first.T


def _marble(u: np.ndarray, v: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.clip(rng.uniform(1, 4) * _wave(u + rng.uniform(0.25, 0.5) * _smooth(rng, int(rng.integers(5, 9)))), -1, 1)


def _clouds(u: np.ndarray, v: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.sum([_smooth(rng, cells) / cells ** rng.uniform(0.3, 0.8) for cells in (4, 8, 16)], axis=0)


FAMILIES: dict[str, Pattern] = {
    "stripes": _stripes,
    "waves": _waves,
    "spokes": _spokes,
    "checks": _checks,
    "grid": _grid,
    "dots": _dots,
    "honeycomb": _honeycomb,
    "bricks": _bricks,
    "rings": _rings,
    "cells": _cells,
    "marble": _marble,
    "clouds": _clouds,
}
