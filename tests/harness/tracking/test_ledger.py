"""What MLflow does not show yet is known without MLflow; limits of patience are settable."""

import http.server
import threading
import time

import pytest

from harness import records
from harness.tracking import ledger, store
from harness.tracking import sync as tracking
from spaces.base import UserError
from tests.tracked import write


def missing(tmp_path, paths):
    return ledger.missing(tmp_path / "tracked.json", "laptop-default", [records.read(path) for path in paths])


def test_a_note_of_what_a_store_shows(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    paths, file = write(tmp_path / "records", 0, 1, 2), tmp_path / "tracked.json"
    assert missing(tmp_path, paths) == 3
    tracking.sync(paths[:2], experiment="laptop-default", ledger=file)
    assert missing(tmp_path, paths) == 1
    tracking.sync(paths, ledger=file)  # in another experiment, that of the protocol
    assert missing(tmp_path, paths) == 1
    tracking.sync(paths, experiment="laptop-default", ledger=file)
    assert missing(tmp_path, paths) == 0
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://user:secret@127.0.0.1:9")  # a server that is down
    monkeypatch.setenv("HARNESS_MLFLOW_PROBE_SECONDS", "1")
    assert missing(tmp_path, paths) == 3
    assert tracking.sync(paths, ledger=file, quiet=True).error
    assert missing(tmp_path, paths) == 3
    assert "secret" not in file.read_text()


class Slow(http.server.BaseHTTPRequestHandler):
    """Says that it is there after a second."""

    def do_GET(self):
        time.sleep(1)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args):
        pass


def test_a_slow_server_is_there_for_who_waits(monkeypatch):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Slow) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        slow = store.Store.of(f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("HARNESS_MLFLOW_PROBE_SECONDS", "0.3")
        with pytest.raises(OSError, match="no answer"):
            slow.probe()
        monkeypatch.setenv("HARNESS_MLFLOW_PROBE_SECONDS", "20")
        slow.probe()
        server.shutdown()


def test_patience_is_settable(monkeypatch):
    class Nobody:
        def call(self):
            return "answer"

    monkeypatch.setenv("HARNESS_MLFLOW_PATIENCE_SECONDS", "0.2")
    client = store.Client(Nobody(), "too slow")
    assert client.call() == "answer"
    time.sleep(0.3)
    with pytest.raises(OSError, match="too slow"):
        client.call()
    monkeypatch.setenv("HARNESS_MLFLOW_PATIENCE_SECONDS", "60")
    assert store.Client(Nobody(), "too slow").call() == "answer"


@pytest.mark.parametrize("text", ["0", "-1", "soon"])
def test_a_limit_is_a_number_of_seconds(monkeypatch, text):
    monkeypatch.setenv("HARNESS_MLFLOW_PROBE_SECONDS", text)
    with pytest.raises(UserError, match="HARNESS_MLFLOW_PROBE_SECONDS must be a number of seconds above 0, got"):
        store.limit("HARNESS_MLFLOW_PROBE_SECONDS")
