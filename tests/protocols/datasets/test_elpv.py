"""The dataset elpv: labels, and facts in the manifest."""

from pathlib import Path

from harness.plan.datasets import named


def test_labels_follow_type_and_probability():
    raw = named("elpv").read(Path("data"))
    labels = [label for items in raw.splits().values() for _, label in items]
    assert [labels.count(c) for c in range(4)] == [588 + 117, 313 + 56, 920 + 178, 402 + 50]  # counted by hand
