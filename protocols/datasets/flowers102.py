"""Oxford 102 Flowers: 8,189 photographs of 102 kinds of flowers."""

from __future__ import annotations

from pathlib import Path

from protocols.datasets.base import Dataset, RawData
from protocols.datasets.parts.splits import RULE_AND_PAPER, SHARES, divided
from spaces.base import UserError


class Flowers102(Dataset):
    """jpg/image_00001.jpg … and imagelabels.mat: labels 1 to 102, in the order of the images."""

    classes = 102
    inputs = 3
    flip = True
    images = 8_189
    source = "Oxford 102 Flowers, 8,189 photographs (Nilsback & Zisserman 2008)"
    licence = "none stated by its authors; for research"
    split = RULE_AND_PAPER
    download = (
        "102flowers.tgz and imagelabels.mat from www.robots.ox.ac.uk/~vgg/data/flowers/102, as "
        "flowers-102/jpg/*.jpg and flowers-102/imagelabels.mat (setid.mat is the official split and is not read)"
    )

    def files(self, root: Path) -> list[Path]:
        return [root / "flowers-102" / "jpg", root / "flowers-102" / "imagelabels.mat"]

    def read(self, root: Path) -> RawData:
        folder, table = self.files(root)
        files, labels = sorted(folder.glob("image_*.jpg")), _labels(table)
        if len(files) != len(labels):
            raise UserError(f"{folder} has {len(files)} images and {len(labels)} labels: unpack 102flowers.tgz again")
        names = tuple(str(number + 1) for number in range(102))
        return RawData(names, *divided(list(zip(files, labels)), labels, SHARES, seed="flowers102"))


def _labels(path: Path) -> list[int]:
    """0 to 101."""
    from scipy.io import loadmat

    try:
        return [int(label) - 1 for label in loadmat(path)["labels"].ravel()]
    except Exception as error:  # scipy raises whatever its parser meets in a broken file
        raise UserError(f"cannot read {path} ({error}): download it again") from None
