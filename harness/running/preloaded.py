"""Searches and trainings begin with torch loaded: their driver keeps a process that has, and forks them from it.

By itself a job pays 1.2 s for importing torch and ending again, hundreds of times a benchmark. Here its process asks,
by a socket, for a fork that does the work, lends it its output, waits for its exit status, and does nothing else. Who
dies takes the other along: each sees the connection close. Where nobody answers (on another machine, for a command
typed by hand, after a kill) the job does its work itself.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import sys
import threading
from contextlib import suppress
from pathlib import Path

VARIABLE = "HARNESS_PRELOADED"  # path of the socket, for the driver's jobs
COMMANDS = ("search", "train")
KILLED = 128 + signal.SIGKILL  # as a shell says it
POLL_SECONDS = 0.5

_waiting: socket.socket | None = None  # in a fork: who waits for its exit status


def start(folder: Path) -> None:
    """In the driver: starts the process, which ends with it. Linux only: elsewhere libraries do not survive a fork."""
    if sys.platform != "linux":
        return
    import subprocess

    os.environ[VARIABLE] = str(folder / "preloaded.socket")  # relative: such a path may have 100 characters
    with socket.socket(socket.AF_UNIX) as server:
        stop()  # what a dead driver left
        mask = os.umask(0o077)  # for this user alone
        server.bind(os.environ[VARIABLE])
        os.umask(mask)
        server.listen(64)
        subprocess.Popen(
            [sys.executable, "-c", f"from harness import preloaded; preloaded.serve({server.fileno()})"],
            pass_fds=[server.fileno()],
            start_new_session=True,  # Ctrl-C is for the jobs
        )


def stop() -> None:
    """In the driver, at its end: from now on nobody finds the process, which ends by itself."""
    if path := os.environ.get(VARIABLE):
        Path(path).unlink(missing_ok=True)


def delegate(words: list[str]) -> int | None:
    """In a job: its exit status, once a fork has done its work; None where it has to do it itself."""
    if not words or words[0] not in COMMANDS or VARIABLE not in os.environ:
        return None
    with socket.socket(socket.AF_UNIX) as server:
        try:
            server.connect(os.environ[VARIABLE])
            socket.send_fds(server, [json.dumps([os.getcwd(), words]).encode()], [1, 2])
            begun = server.recv(1)
        except OSError:
            return None
        if not begun:
            return None
        with suppress(ConnectionError):
            return int(server.recv(16) or KILLED)
    return KILLED


def leave(status: int) -> None:
    """Ends this process at once, from any thread; a fork tells its status."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
        if _waiting:
            _waiting.sendall(str(status).encode())
    finally:  # also where the disk is full, or nobody waits any more
        os._exit(status)


def serve(number: int) -> None:
    """Forks for every job that asks the socket of this number, as long as the driver lives."""
    from harness.running import driver as lifeline

    driver = lifeline.driver()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the system reaps
    server = socket.socket(fileno=number)
    server.settimeout(POLL_SECONDS)
    while lifeline.lives(driver):
        try:
            job, _ = server.accept()
        except TimeoutError:
            continue
        with job:
            _load()
            if os.fork() == 0:
                server.close()
                _work(job)
    os.killpg(0, signal.SIGKILL)  # with all its forks, at once: while they compute, their own look-out may be late


def _load() -> None:
    """Once, and not before the first job: there may be none."""
    if "torch" in sys.modules:
        return
    os.environ.update(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")  # as Snakemake tells a job of one thread
    gc.disable()
    import harness.running.job
    import harness.running.search
    import harness.running.train  # noqa: F401
    from spaces.parts.cpu.build import library

    library("float")

    gc.freeze()  # what is loaded stays, and stays shared


def _work(job: socket.socket) -> None:
    """In the fork, which never returns."""
    global _waiting
    from harness.__main__ import main

    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    request, outputs, _, _ = socket.recv_fds(job, 1 << 20, 2)
    for number, output in enumerate(outputs, 1):
        os.dup2(output, number)
        os.close(output)
    if not request:  # it has died already
        os._exit(KILLED)
    job.sendall(b"!")
    folder, words = json.loads(request)
    os.chdir(folder)
    gc.enable()
    _waiting = job
    threading.Thread(target=_follow, args=(job,), daemon=True).start()
    try:
        status = main(words)
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    except BaseException:
        import traceback

        traceback.print_exc()
        status = 1
    leave(status)


def _follow(job: socket.socket) -> None:
    """Ends the fork when its job's process has died."""
    with suppress(ConnectionError):  # it may die before it has read what the fork sent
        job.recv(1)
    os._exit(KILLED)
