"""Random pixels from a fixed seed, the same on every machine."""

from __future__ import annotations

import hashlib

import numpy as np


def generator(seed: str) -> np.random.Generator:
    """numpy's generator, seeded with the SHA-256 of a text: other texts give independent generators."""
    return np.random.default_rng(int.from_bytes(hashlib.sha256(seed.encode()).digest()[:16], "big"))
