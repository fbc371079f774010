"""Every kind of image file becomes the same kind of pixels."""

import numpy as np
from PIL import Image

from harness.plan.datasets import named
from protocols.datasets import load
from protocols.datasets.parts.store import prepare
from tests.protocols.datasets.pictures import pictures


def test_every_kind_of_picture_becomes_rgb(tmp_path):
    grey16 = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    for name in ("a", "b"):
        pictures(tmp_path / name, 2, side=16, mode="L")
        Image.fromarray(grey16).save(tmp_path / name / "image_00003.png")
        Image.new("RGBA", (16, 16), (10, 20, 30, 255)).convert("P").save(tmp_path / name / "image_00004.gif")
        Image.new("CMYK", (16, 16)).save(tmp_path / name / "image_00005.JPG", "jpeg")
    prepare(named(f"folder:{tmp_path}"), 16, tmp_path / "out")
    data = load(tmp_path / "out")
    files = [line.split(",")[1] for line in (tmp_path / "out" / "splits.csv").read_text().splitlines()[1:]]
    images = np.concatenate([s.images.numpy() for s in (data.train, data.val, data.test)])
    ours = images[[f.endswith("00003.png") for f in files]][0]
    assert (ours == (grey16 >> 8)).all()
