"""Records are read, or one clear line says which of them cannot be trusted."""

import json

import pytest

from harness import records
from harness.analysis.results import read_results
from spaces.base import UserError
from tests import synthetic_records as synthetic


def edit(path, change):
    """Changes a record and seals it again."""
    record = json.loads(path.read_text())
    change(record)
    records.write(path, record)


def test_bad_records(tmp_path):
    with pytest.raises(UserError, match="no records at"):
        read_results(tmp_path / "nowhere")
    with pytest.raises(UserError, match="no records in"):
        read_results(tmp_path)
    synthetic.make(tmp_path, ("digits",), seeds=1, baseline=2)
    path = tmp_path / "digits/fbnet/fbnet/train-0-cells8-repeat0.json"
    whole = path.read_bytes()
    path.write_bytes(whole[:-40])
    with pytest.raises(UserError, match=r"train-0-cells8-repeat0\.json cannot be read"):
        read_results(tmp_path)
    path.write_bytes(whole.replace(b'"test_accuracy": 0.', b'"test_accuracy": 0.9'))
    with pytest.raises(UserError, match="changed after it was written"):
        read_results(tmp_path)
    for change, says in [
        (lambda record: record["result"].update(test_accuracy=1.5), "is done but its test accuracy is 1.5"),
        (lambda record: record["key"].update(seed=5) or record.update(kind="latency"), "unknown kind 'latency'"),
        (lambda record: record["config"].update(version="laptop-2"), "records of two protocols, laptop-1"),
        (lambda record: record["key"].update(protocol="smoke"), "records of two protocols, laptop"),
        (lambda record: record["key"].update(method="random_sampling", seed=1), "are of the same job"),
    ]:
        path.write_bytes(whole)
        edit(path, change)
        with pytest.raises(UserError, match=says):
            read_results(tmp_path)
