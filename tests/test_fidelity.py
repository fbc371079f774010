"""docs/fidelity.md names entries and tests that exist, and its example runs."""

import importlib
import re

import pytest
import torch

from harness.plan import registry

TEXT = (registry.ROOT / "docs/fidelity.md").read_text(encoding="utf-8")
ROWS = [line.split(" | ") for line in TEXT.splitlines() if line.startswith("| ")][2:]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][2:40])
def test_entries_and_tests_exist(row):
    entries = re.findall(r"`([\w.]+)`", row[1])
    assert entries
    for entry in entries:
        module, _, name = entry.rpartition(".")
        assert getattr(importlib.import_module(module), name).__doc__
    assert (registry.ROOT / row[2]).exists()


def test_the_example_runs():
    """By hand: all parts are on, so the kernel is left whole and the layer costs what 5x5-6 does."""
    names = {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        exec(re.search(r"```python\n(.*?)```", TEXT, re.DOTALL)[1], names)
    assert torch.equal(names["masked"], names["kernel"])
    assert names["cost"].item() == 9
    assert (names["thresholds"].grad < 0).all()
