"""The MLflow store that tracking writes to: a database that is made whole or not at all, one lock a store, and servers
that are asked whether they are there before anybody waits for them."""

from __future__ import annotations

import math
import os
import re
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spaces.base import UserError

if TYPE_CHECKING:
    from mlflow import MlflowClient

LIMITS = {  # seconds; a server that needs longer counts as down
    "HARNESS_MLFLOW_PROBE_SECONDS": 2.0,  # to say that it is there
    "HARNESS_MLFLOW_PATIENCE_SECONDS": 5.0,  # for one run
}


def limit(name: str) -> float:
    """A limit, from the environment where it is set there. UserError where that is no number above 0."""
    text = os.environ.get(name, str(LIMITS[name]))
    try:
        if (seconds := float(text)) > 0:
            return seconds
    except ValueError:
        pass
    raise UserError(f"{name} must be a number of seconds above 0, got {text!r}")


@dataclass(frozen=True)
class Store:
    """`database`: the file, for sqlite; `artifacts`: where they go, None for the server's own choice."""

    uri: str
    database: Path | None = None
    artifacts: Path | None = None

    @classmethod
    def of(cls, uri: str) -> Store:
        if re.match("https?:", uri):
            return cls(uri)
        if not uri.startswith("sqlite:///"):
            return cls(uri, None, Path.cwd() / "mlartifacts")
        name, _, query = uri.removeprefix("sqlite:///").partition("?")
        path = Path(name).absolute()
        # MLflow reads the schema before it sets a busy timeout: without ours, a lock held for 6 s is an error.
        return cls(f"sqlite:///{path}?{query or 'timeout=60'}", path, path.parent / "mlartifacts")

    @property
    def remote(self) -> bool:
        return self.artifacts is None

    @property
    def lock(self) -> Path:
        if self.database:
            return self.database.with_name(f"{self.database.name}.lock")
        return Path(tempfile.gettempdir()) / f"mlflow-{os.getuid()}-{sha256(self.uri.encode()).hexdigest()[:16]}.lock"

    def probe(self) -> None:
        """OSError where a server does not answer."""
        if self.remote:
            import requests

            try:
                requests.get(
                    f"{self.uri.rstrip('/')}/health", timeout=limit("HARNESS_MLFLOW_PROBE_SECONDS"), stream=True
                ).close()
            except requests.exceptions.SSLError:
                pass  # it answers; MLflow has its own settings for certificates
            except requests.RequestException:
                raise OSError(f"no answer from {self.uri}") from None

    def open(self) -> Client:
        """A client, under the lock; the sqlite database is made where there is none."""
        from mlflow import MlflowClient

        if self.database:
            if not self.database.exists() or not self.database.stat().st_size:
                _create(self.database)
            _examine(self.database)
        return Client(MlflowClient(self.uri), f"{self.uri} is too slow" if self.remote else None)


class Client:
    """An MlflowClient that gives a slow server up: the calls after each `begin` may take as long as
    HARNESS_MLFLOW_PATIENCE_SECONDS says, together."""

    def __init__(self, client: MlflowClient, slow: str | None) -> None:
        """`slow`: what to say then; None for a patient client."""
        self._client, self._slow = client, slow
        self._patience = limit("HARNESS_MLFLOW_PATIENCE_SECONDS") if slow else math.inf
        self.begin()

    def begin(self) -> None:
        self._deadline = time.monotonic() + self._patience

    def __getattr__(self, name: str) -> Any:
        if time.monotonic() > self._deadline:
            raise OSError(self._slow)
        return getattr(self._client, name)


def _create(database: Path) -> None:
    """MLflow's migrations survive neither a kill nor a second process: they run beside, and the file is renamed."""
    from mlflow import MlflowClient

    temporary = database.with_name(f"{database.name}.tmp")
    for file in (temporary, database):  # the log of a database that was deleted would be replayed into the new one
        for suffix in ("", "-wal", "-shm", "-journal"):
            file.with_name(file.name + suffix).unlink(missing_ok=True)
    MlflowClient(f"sqlite:///{temporary}").search_experiments(max_results=1)
    connection = sqlite3.connect(temporary)
    connection.execute("PRAGMA journal_mode=WAL")  # the UI reads while we write
    connection.close()
    os.rename(temporary, database)


def _examine(database: Path) -> None:
    """OSError for a file that is no MLflow database (MLflow itself would try again for minutes) or that another program
    has locked for a minute (MLflow itself waits 20 s)."""
    connection = sqlite3.connect(database, timeout=60)
    try:
        connection.execute("SELECT version_num FROM alembic_version")
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.Error as error:
        broken = error.sqlite_errorcode in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_ERROR)
        cure = ": delete it, it is rebuilt from the records" if broken else ""
        raise OSError(f"{database} is unusable ({error}){cure}") from None
    finally:
        connection.close()


@contextmanager
def locked(store: Store, awaited: Callable[[], None] | None = None) -> Iterator[None]:
    """Holds the store's lock; waits for it as long as the store answers. Who waits holds a second one, the turn. So it
    is seen, by a thread of who has the first: it calls `awaited`, once a second."""
    from filelock import FileLock, Timeout

    turn, lock = FileLock(f"{store.lock}.turn"), FileLock(store.lock)
    over = threading.Event()
    try:
        for each in (turn, lock):
            while not each.is_locked:
                store.probe()
                with suppress(Timeout):
                    each.acquire(timeout=2)
        turn.release()
        if awaited:
            threading.Thread(target=_watch, args=(turn.lock_file, over, awaited), daemon=True).start()
        yield
    finally:
        over.set()
        turn.release()
        lock.release()


def _watch(turn: str, over: threading.Event, awaited: Callable[[], None]) -> None:
    from filelock import FileLock, Timeout

    while not over.wait(1):
        try:
            FileLock(turn).acquire(blocking=False).lock.release()
        except Timeout:
            awaited()
