import signal

import pytest

from tests.faults import torture

AS_IN_A_TERMINAL = {signal.SIGINT: signal.default_int_handler, signal.SIGHUP: signal.SIG_DFL}


@pytest.fixture(autouse=True)
def signals():
    """What nohup and the background of a script ignore, and with it all that they start, is as in a terminal."""
    before = {number: signal.signal(number, handler) for number, handler in AS_IN_A_TERMINAL.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="session")
def unbroken(tmp_path_factory):
    """A whole small benchmark that nobody disturbed, eight jobs at a time."""
    folder = torture.folder_for(tmp_path_factory.mktemp("unbroken").resolve() / "run", torture.ONE_METHOD)
    assert torture.start(folder, cores=8).wait() == 0, (folder / "snakemake.log").read_text()[-3000:]
    return folder
