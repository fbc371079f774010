"""The one line that stands for snakemake's messages on jobs: in a terminal an error takes its place."""

import logging
import os
import pty
import subprocess
import sys

import pytest
from snakemake_interface_logger_plugins.common import LogEvent

from harness.plan import registry
from harness.running.progress import CLEAR, HIDDEN, Progress
from tests.faults.torture import ONE_METHOD

DRIVER = """
import logging, sys, time
from types import SimpleNamespace
from harness.running.progress import Progress
handler = logging.StreamHandler()
handler.name = "DefaultStreamHandler"
logger = logging.getLogger("snakemake.logging")
logger.addHandler(handler)
progress = Progress(["--config", "benchmark.yaml"])
settings = SimpleNamespace(dryrun=False, verbose=False, printshellcmds=False, quiet=set())
progress.attach(SimpleNamespace(output_settings=settings))
progress.start()
progress._process.wait()
time.sleep(0.5)
logger.error("rule run_1:", extra={"event": "job_info"})
logger.error("Error in rule run_1:", extra={"event": "job_error"})
progress.stop()
"""
LINE = "0 of 6 done, 0 running, 6 left"


@pytest.mark.parametrize("terminal", [True, False])
def test_a_line_and_the_errors(tmp_path, terminal):
    (tmp_path / "benchmark.yaml").write_text(ONE_METHOD)
    ours, theirs = pty.openpty() if terminal else os.pipe()
    environment = {**os.environ, "PYTHONPATH": str(registry.ROOT), "COLUMNS": "200"}
    environment.pop("HARNESS_DRIVER", None)
    command = [sys.executable, "-c", DRIVER]
    assert subprocess.run(command, cwd=tmp_path, env=environment, stderr=theirs).returncode == 0
    said = os.read(ours, 10_000).decode().replace("\r\n", "\n")
    error = "Error in rule run_1:\n"
    assert said == (f"{CLEAR}{LINE}{CLEAR}{error}{CLEAR}" if terminal else f"{LINE}\n{error}")
    os.close(ours), os.close(theirs)


def test_snakemakes_events_have_these_names():
    """Of another version the messages would be shown again, which this notices."""
    names = {str(event) for event in LogEvent}
    assert names >= HIDDEN and not HIDDEN & {"job_error", "group_error", "error"}


@pytest.mark.parametrize(("message", "event", "shown"), [
    ("Select jobs to execute...", None, False),
    ("Trying to restart job 5.", None, True),
    ("1 of 9 steps (11%) done", "progress", False),
    ("", "job_error", True),
])  # fmt: skip
def test_what_is_shown(message, event, shown):
    record = logging.makeLogRecord({"msg": message, **({"event": event} if event else {})})
    assert Progress([]).filter(record) == shown
