"""Oxford 102 Flowers: labels in a table beside the files."""

import numpy as np
import pytest

from harness.plan.datasets import named
from protocols.datasets import load
from protocols.datasets.parts.store import prepare
from spaces.base import UserError
from tests.protocols.datasets.pictures import pictures


def test_flowers102_pairs_labels_and_files(tmp_path):
    from scipy.io import savemat

    pictures(tmp_path / "flowers-102" / "jpg", 30, suffix="jpg")
    labels = np.repeat([1, 2, 102], 10)
    savemat(tmp_path / "flowers-102" / "imagelabels.mat", {"labels": labels[None].astype(np.uint8)})
    prepare(named("flowers102"), 16, tmp_path / "out", tmp_path)
    data = load(tmp_path / "out")
    assert [len(s.labels) for s in (data.train, data.val, data.test)] == [12, 12, 6] and len(data.classes) == 102
    for line in (tmp_path / "out" / "splits.csv").read_text().splitlines()[1:]:
        _, file, label = line.split(",")
        assert labels[int(file[-9:-4]) - 1] - 1 == int(label)
    (tmp_path / "flowers-102" / "jpg" / "image_00030.jpg").unlink()
    with pytest.raises(UserError, match="29 images and 30 labels"):
        prepare(named("flowers102"), 16, tmp_path / "out", tmp_path)
    (tmp_path / "flowers-102" / "imagelabels.mat").write_bytes(b"MATLAB 5.0")
    with pytest.raises(UserError, match="cannot read .*imagelabels.mat"):
        prepare(named("flowers102"), 16, tmp_path / "out", tmp_path)
