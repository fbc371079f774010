"""Every embedded dataset holds what its facts say, and no image is in two splits."""

import re

import pytest

from harness.plan.datasets import named, names
from protocols.datasets import load

EMBEDDED = [name for name in names() if not named(name).download]


@pytest.mark.parametrize("name", EMBEDDED)
def test_sizes_and_balance_are_as_stated(prepared, name):
    dataset, data = named(name), load(prepared(name))
    sizes = [len(split.labels) for split in (data.train, data.val, data.test)]
    stated = dataset.split.replace(",", "")
    assert all(re.search(rf"\b{size}\b", stated) for size in sizes), (sizes, dataset.split)
    assert dataset.classes == len(data.classes) and dataset.inputs == data.inputs and dataset.flip == data.flip
    for images, labels in (data.train, data.val, data.test):
        assert images.shape == (len(labels), dataset.inputs, 12, 12) and str(images.dtype) == "torch.uint8"
        assert str(labels.dtype) == "torch.int64" and set(labels.tolist()) == set(range(dataset.classes))


@pytest.mark.parametrize("name", EMBEDDED)
def test_no_image_is_in_two_splits(prepared, name):
    data = load(prepared(name))
    seen = [{image.tobytes() for image in split.images.numpy()} for split in (data.train, data.val, data.test)]
    assert not seen[0] & seen[2] and not seen[1] & seen[2] and not seen[0] & seen[1]
