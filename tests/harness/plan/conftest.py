"""What a shipped configuration reads that is not in the repository."""

import pytest
from PIL import Image

from harness.plan import registry


@pytest.fixture
def photographs(tmp_path, monkeypatch):
    """A checkout with a few images in data/cifar10_6000, which config/collapse_cifar10.yaml names."""
    for place in ("train/cat", "train/dog", "test/cat", "test/dog"):
        folder = tmp_path / "data/cifar10_6000" / place
        folder.mkdir(parents=True)
        for number in range(4):
            Image.new("RGB", (8, 8), (60 * number, 0, 0)).save(folder / f"{number}.png")
    for name in ("config", "results"):
        (tmp_path / name).symlink_to(registry.ROOT / name)
    monkeypatch.chdir(tmp_path)
