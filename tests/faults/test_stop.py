"""Ctrl-C and a polite kill end snakemake within seconds, and say one sentence."""

import os
import signal
import time

import pytest

from harness.running.driver import lives
from harness.running.stop import SENTENCE
from tests.faults import torture
from tests.tracked import wait_until

pytestmark = pytest.mark.pipeline
LONG = """\
protocol: laptop
datasets: [digits]
seeds: 1
random: 2
batch: 8
searches:
  - {method: darts, space: darts, set: {order: 2}}
"""


@pytest.mark.parametrize("number, send", [(signal.SIGTERM, os.kill), (signal.SIGINT, os.killpg)])
def test_a_signal_stops_it(tmp_path, number, send):
    """Seen before: `Will exit after finishing currently running jobs`, 31 times, and the jobs went on for a day."""
    folder = torture.folder_for(tmp_path.resolve() / "run", LONG)
    driver = torture.start(folder)
    wait_until(lambda: list(torture.jobs(folder)), 240)
    (process, _), *_ = torture.jobs(folder)
    send(driver.pid, number)
    assert driver.wait(10) == 128 + number
    said = (folder / "snakemake.log").read_text()
    assert said.count(SENTENCE) == 1 and said.rstrip().endswith(SENTENCE)
    assert "Will exit after" not in said and "Traceback" not in said
    wait_until(lambda: not lives(process), torture.ORPHANS_SECONDS)
    assert (folder / "snakemake.log").read_text() == said  # nobody says anything after it
    assert not list((folder / ".snakemake").glob("*.lease"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_while_it_plans(tmp_path, number):
    folder = torture.folder_for(tmp_path.resolve() / "run", LONG.replace("seeds: 1", "seeds: 900"))
    driver = torture.start(folder)
    wait_until((folder / ".snakemake/driver.pid").exists, 240)
    time.sleep(0.1)
    os.killpg(driver.pid, number)
    assert driver.wait(10) == 128 + number
    said = (folder / "snakemake.log").read_text()
    assert said.rstrip().endswith(SENTENCE) and "Traceback" not in said


SLOW = """
import pathlib, sys, time

class Slow:
    def find_spec(self, name, *rest):
        if name == "harness.report.outline":
            pathlib.Path("loading").touch()
            time.sleep(60)

sys.meta_path.insert(0, Slow())
"""


def test_ctrl_c_while_the_snakefile_loads(tmp_path):
    """Seen before: a traceback of 60 lines."""
    folder = torture.folder_for(tmp_path.resolve() / "run", LONG)
    (folder / "sitecustomize.py").write_text(SLOW)
    driver = torture.start(folder)
    wait_until((folder / "loading").exists, 240)
    os.killpg(driver.pid, signal.SIGINT)
    assert driver.wait(10) == 128 + signal.SIGINT
    said = (folder / "snakemake.log").read_text()
    assert said.rstrip().endswith(SENTENCE) and "Traceback" not in said
