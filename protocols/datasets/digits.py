"""Digits: handwritten digits of scikit-learn, 1,797 grey images of 8x8."""

from __future__ import annotations

from pathlib import Path

from protocols.datasets.base import Dataset, RawData
from protocols.datasets.parts.splits import divided


class Digits(Dataset):
    classes = 10
    inputs = 1
    flip = False
    images = 399
    source = (
        "scikit-learn's load_digits: 1,797 handwritten digits, 8x8, 17 shades; the test part of UCI's Optical "
        "Recognition of Handwritten Digits (Alpaydin & Kaynak 1998, doi 10.24432/C50P49)"
    )
    licence = "CC BY 4.0"
    split = (
        "1/9, 1/9 and 7/9 of every class, drawn from a fixed seed: 199 train, 200 val, 1,398 test; few images, because "
        "networks of cells reach 99% with twice as many"
    )
    package = "sklearn"

    def read(self, root: Path) -> RawData:
        import numpy as np
        from sklearn.datasets import load_digits

        bunch = load_digits()
        images = (bunch.images * (255 / 16)).round().astype(np.uint8)  # shades run from 0 to 16
        labels = bunch.target.tolist()
        splits = divided(list(zip(images, labels)), labels, (1 / 9, 1 / 9, 7 / 9), seed="digits")
        return RawData(tuple("0123456789"), *splits)
