"""Today's code prepares the images that the published records were made from."""

import json
from importlib.metadata import version

import pytest

from harness.plan.registry import ROOT
from protocols.datasets import load

SNAPSHOT = max(ROOT.glob("results/published/laptop-*"))
LIBRARIES = ("numpy", "pillow", "matplotlib", "mlxtend", "scikit-learn", "elpv-dataset")
VERSIONS = [f"{library}=={version(library)}" for library in LIBRARIES]


@pytest.mark.skipif(
    not {*VERSIONS} <= {*(SNAPSHOT / "environment.txt").read_text().splitlines()},
    reason="other versions may write other pixels than those of the published records",
)
@pytest.mark.parametrize("name", sorted(folder.name for folder in (SNAPSHOT / "records").iterdir()))
def test_images_are_those_of_the_published_records(prepared, name):
    record = json.loads(next((SNAPSHOT / "records" / name).rglob("train-*.json")).read_text())
    assert load(prepared(name)).sha256 == record["data"]
