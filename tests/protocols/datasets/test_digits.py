"""The dataset digits is scikit-learn's, and can be learned."""

import numpy as np

from harness.plan.datasets import named
from protocols.datasets import load
from protocols.datasets.parts.store import prepare


def test_digits_are_scikit_learns(prepared, tmp_path):
    from sklearn.datasets import load_digits

    prepare(named("digits"), 8, tmp_path / "digits")
    data, bunch = load(tmp_path / "digits"), load_digits()
    ours = sorted((int(y), i.tobytes()) for s in (data.train, data.val, data.test) for i, y in zip(s[0].numpy(), s[1]))
    theirs = (np.rint(bunch.images * 15.9375)).astype(np.uint8)
    assert ours == sorted((int(y), i.tobytes()) for i, y in zip(theirs, bunch.target))


def test_a_linear_classifier_is_far_above_chance(prepared):
    from sklearn.linear_model import LogisticRegression

    data = load(prepared("digits"))
    flat = [split.images.numpy().reshape(len(split.labels), -1) / 255 for split in (data.train, data.test)]
    assert LogisticRegression(max_iter=200).fit(flat[0], data.train.labels).score(flat[1], data.test.labels) > 0.9
