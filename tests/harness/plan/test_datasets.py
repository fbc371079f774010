"""Datasets by name: nothing heavy is imported to know them, and unknown names are refused."""

import subprocess
import sys

import pytest

from harness.plan import datasets, registry
from harness.plan.registry import ROOT
from spaces.base import UserError


def test_planning_imports_nothing_heavy():
    code = """
import sys
from pathlib import Path
from harness.plan import datasets, registry
for name in datasets.names():
    datasets.named(name).files(Path("data"))
datasets.named("digits").check(Path("data"))
print(sorted({"torch", "numpy", "PIL", "sklearn", "matplotlib", "scipy"} & {*sys.modules}))
"""
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert run.stdout.strip() == "[]", run.stderr


def test_files_are_datasets():
    assert {"digits", "textures", "cifar10"} <= {*datasets.names()}
    assert not {"base", "parts", "__init__"} & {*datasets.names()}


@pytest.mark.parametrize("name, hint", [("digit", "digits"), ("cifar-10", "cifar10"), ("zzz", "folder:PATH")])
def test_unknown_name_offers_the_nearest(name, hint):
    with pytest.raises(UserError, match=f"unknown dataset '{name}': .*{hint}"):
        datasets.named(name)


def test_a_file_without_its_class_is_named():
    with pytest.raises(UserError, match="protocols/smoke has no class Smoke: "):
        registry.entry_class("protocols", "smoke")
