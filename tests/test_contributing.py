"""The example of CONTRIBUTING.md is run as it stands: one file, one line of configuration."""

import random
import re
import sys

import pytest
import yaml

from harness import config, registry
from harness.jobs import Search
from harness.records import Clock
from harness.searching import SearchRun
from protocols import datasets

TEXT = (registry.ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


@pytest.fixture
def method(monkeypatch):
    """The example as an entry of the registry, without a file in the checkout."""
    code = re.search(r"```python\n(.*?)```", TEXT, re.DOTALL)[1]
    module = type(sys)("methods.coin_flips")
    monkeypatch.setitem(sys.modules, "methods.coin_flips", module)
    exec(compile(code, "methods/coin_flips.py", "exec"), module.__dict__)
    names = registry.names
    extra = {"methods": ("coin_flips",)}
    monkeypatch.setattr(registry, "names", lambda folder: (*names(folder), *extra.get(folder, ())))
    return "coin_flips"


def test_the_example_searches(method, tmp_path):
    datasets.prepare("digits", 8, tmp_path / "digits")
    space = registry.space("darts")
    run = SearchRun(
        Search("smoke", "digits", "darts", method, 0), space, tmp_path / "digits", tmp_path / "c", "", Clock()
    )
    arch = registry.method(method).search(run)
    assert space.valid(arch)
    rng = random.Random(run._seed("sample"))
    assert arch in [space.sample(rng) for _ in range(2)]
    assert run.images == 2 * len(run.data.train.images)


def test_the_example_line_is_configuration(method, tmp_path):
    line = yaml.safe_load(re.search(r"```yaml\n(.*?)```", TEXT, re.DOTALL)[1])
    whole = yaml.safe_load((registry.ROOT / "config/smoke.yaml").read_text(encoding="utf-8"))
    (tmp_path / "c.yaml").write_text(yaml.safe_dump({**whole, "searches": whole["searches"] + line}))
    plan = config.load(tmp_path / "c.yaml")
    assert any(entry.method == method for entry in plan.searches)
