"""The contract of every dataset: its facts, and what it says where something is missing."""

import re
from importlib import import_module
from pathlib import Path

import pytest

from harness.plan import datasets
from protocols.datasets.base import Dataset, RawData
from spaces.base import UserError

DOWNLOADED = [name for name in datasets.names() if datasets.named(name).download]


@pytest.mark.parametrize("name", datasets.names())
def test_a_dataset_gives_its_facts(name):
    dataset = datasets.named(name)
    assert dataset.name == name and dataset.inputs in (1, 3) and dataset.classes > 1 and dataset.flip in (True, False)
    assert all(isinstance(fact, str) and fact for fact in (dataset.source, dataset.licence, dataset.split))
    assert bool(dataset.files(Path("data"))) == bool(dataset.download)
    first = import_module(f"protocols.datasets.{name}").__doc__.splitlines()[0]
    assert re.fullmatch(r"\S.*[.]", first), "the line that lists show"


@pytest.mark.parametrize("name", DOWNLOADED)
def test_a_missing_dataset_says_what_to_download_and_where_to_put_it(tmp_path, name):
    dataset = datasets.named(name)
    with pytest.raises(UserError, match=rf"{name} is missing {tmp_path}.* download .*, under {tmp_path}/") as error:
        dataset.check(tmp_path)
    assert dataset.download in str(error.value)


def test_there_are_datasets_of_both_kinds():
    assert "cifar10" in DOWNLOADED and "digits" not in DOWNLOADED


class Incomplete(Dataset):
    classes, inputs, flip = 2, 1, False
    source = split = "made by this test"
    package = "no_such_package"

    def read(self, root: Path) -> RawData:
        raise NotImplementedError


def test_a_missing_fact_is_named():
    with pytest.raises(UserError, match="dataset incomplete does not give its licence"):
        Incomplete("incomplete")


def test_a_missing_package_is_named():
    class Complete(Incomplete):
        licence = "none"

    with pytest.raises(UserError, match="dataset complete needs the Python package no_such_package: pip install"):
        Complete("complete").check(Path("data"))
