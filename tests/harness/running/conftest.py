"""What jobs read."""

import pytest

from harness.plan import datasets
from protocols.datasets.parts.store import prepare


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    """The folder of digits, prepared at 8 pixels."""
    folder = tmp_path_factory.mktemp("data") / "digits-8"
    prepare(datasets.named("digits"), 8, folder)
    return folder
