"""What a person sees while snakemake runs: one line that says how far the benchmark is, in place of snakemake's sixteen
for each job. Errors stay, and the file in .snakemake/log has everything.

The line comes from a process of its own, `status --line --follow`, so that no job waits for it. Where stderr is no
terminal, each line is printed below the one before, once a minute.
"""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
import threading
from typing import Any

TERMINAL_SECONDS, FILE_SECONDS = 5, 60
CLEAR = "\r\033[K"  # the cursor's line
HIDDEN = {  # snakemake's events (snakemake_interface_logger_plugins.common.LogEvent)
    *("workflow_started", "run_info", "resources_info", "job_info", "job_started", "job_finished", "progress"),
    *("group_info", "shellcmd"),
}
NOISE = ("Select jobs to execute", "Using shell: ", "Conda environments: ignored", "Building DAG of jobs", "Touching ")


class Progress(logging.Filter):
    """The driver's side. As a filter of snakemake's messages it also takes the line away before one is printed."""

    def __init__(self, benchmark: list[str]) -> None:
        super().__init__()
        self._live = sys.stderr.isatty()
        seconds = TERMINAL_SECONDS if self._live else FILE_SECONDS
        self._command = [sys.executable, "-m", "harness", "status", *benchmark, "--line", "--follow", str(seconds)]
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.RLock()  # a signal may come while this thread has it
        self._quiet = False

    def attach(self, workflow: Any) -> None:
        """Hides what snakemake says of jobs, but not from who asks for it (-p, --verbose), only plans (-n), or sees it
        in another way (--logger, --quiet)."""
        asked = workflow.output_settings
        if asked.dryrun or asked.verbose or asked.printshellcmds or asked.quiet:
            return
        for handler in logging.getLogger("snakemake.logging").handlers:
            if handler.name == "DefaultStreamHandler":
                handler.addFilter(self)
                self._quiet = True

    def start(self) -> None:
        """With the first job. In a session of its own: Ctrl-C is for the jobs. It dies with its driver all the same."""
        if self._quiet:
            pipe, nothing = subprocess.PIPE, subprocess.DEVNULL
            self._process = subprocess.Popen(
                self._command, stdin=nothing, stdout=pipe, text=True, start_new_session=True
            )
            threading.Thread(target=self._read, daemon=True).start()

    def stop(self) -> None:
        """After the last job, or where the run is stopped."""
        process, self._process = self._process, None
        if process:
            process.kill()
            process.wait()
            self._clear()

    def filter(self, record: logging.LogRecord) -> bool:
        if getattr(record, "event", None) in HIDDEN or str(record.msg).startswith(NOISE):
            return False
        self._clear()
        return True

    def _read(self) -> None:
        process = self._process
        assert process and process.stdout
        before = ""
        for line in process.stdout:
            with self._lock:
                if self._process is None:
                    return
                if self._live:
                    _write(CLEAR + line[:-1][: shutil.get_terminal_size().columns - 1])
                elif line != before:
                    _write(line)
            before = line

    def _clear(self) -> None:
        if self._live:
            with self._lock:
                _write(CLEAR)


def _write(text: str) -> None:
    """To stderr, past Python's buffer, which a signal may find in use."""
    os.write(2, text.encode())
