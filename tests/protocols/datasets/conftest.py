from functools import cache

import pytest

from harness.plan.datasets import named
from protocols.datasets.parts.store import prepare


@pytest.fixture(scope="session")
def prepared(tmp_path_factory):
    """Gives the folder of a dataset, prepared at the image size of the protocol `laptop`."""
    root = tmp_path_factory.mktemp("prepared")

    @cache
    def folder(name):
        prepare(named(name), 12, root / name)
        return root / name

    return folder
