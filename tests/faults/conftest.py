import pytest

from tests.faults import torture


@pytest.fixture(scope="session")
def unbroken(tmp_path_factory):
    """A whole small benchmark that nobody disturbed, eight jobs at a time."""
    folder = torture.folder_for(tmp_path_factory.mktemp("unbroken").resolve() / "run", torture.ONE_METHOD)
    assert torture.start(folder, cores=8).wait() == 0, (folder / "snakemake.log").read_text()[-3000:]
    return folder
