"""Weights that a training keeps: what is written, what stays the same, and when a training is not finished."""

import json
import random
from dataclasses import replace

import pytest
import torch

from harness import records
from harness.plan import registry
from harness.plan.jobs import Search, Training
from harness.records import weights
from harness.running.inputs import Inputs
from harness.running.job import JobPaths, train
from protocols.datasets import load
from spaces.base import Size

SPACE = registry.space("darts")
ARCH = SPACE.text(SPACE.sample(random.Random(0)))
FOUND = {"status": "done", "arch": ARCH}
PLAIN = Training(Search("smoke", "digits", "darts", "darts", 0))
KEEPING = replace(PLAIN, keep_weights=True)


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    """Paths of a training that kept its weights."""
    folder = tmp_path_factory.mktemp("kept")
    paths = JobPaths(data, folder / "record.json", folder / "work")
    train(KEEPING, FOUND, paths)
    return paths


@pytest.fixture
def paths(trained, tmp_path):
    """The same in a folder of its own, finished, with its output deleted."""
    work = tmp_path / "work/finished"
    work.mkdir(parents=True)
    for file in (trained.work / "finished").iterdir():
        (work / file.name).write_bytes(file.read_bytes())
    return replace(trained, out=tmp_path / "record.json", work=tmp_path / "work")


def without(record, *fields):
    return {name: value for name, value in record.items() if name not in ("measured", "sha256", *fields)}


def test_asking_for_weights_changes_nothing_else(trained, data, tmp_path):
    paths = JobPaths(data, tmp_path / "plain.json", tmp_path / "work")
    train(PLAIN, FOUND, paths)
    plain, keeping = records.read(paths.out), records.read(trained.out)
    assert without(keeping, "weights") == without(plain)
    assert KEEPING.fingerprint() == PLAIN.fingerprint() and KEEPING == PLAIN
    assert not list(tmp_path.rglob("*.weights.pt"))


def test_the_weights_are_the_definitions_and_give_the_records_accuracy(trained, data):
    record, prepared = records.read(trained.out), load(data)
    state = torch.load(weights.path(trained.out), weights_only=True)
    network = SPACE.network(SPACE.read(ARCH), Size(**record["weights"]["size"]))
    assert list(state) == list(network.state_dict()) and all(value.is_contiguous() for value in state.values())
    network.load_state_dict(state)
    with torch.inference_mode():
        x = Inputs(prepared, PLAIN.setting, torch.device("cpu")).plain(prepared.test.images)
        found = network.eval()(x)[0].argmax(1)
    assert (found == prepared.test.labels).double().mean() == record["result"]["test_accuracy"]
    assert record["weights"]["classes"] == list(prepared.classes)


def test_what_is_finished_is_restored_with_its_weights(trained, paths):
    before = (paths.work / "finished").stat().st_mtime_ns
    train(KEEPING, FOUND, paths)
    assert paths.out.read_bytes() == trained.out.read_bytes()
    assert weights.path(paths.out).read_bytes() == weights.path(trained.out).read_bytes()
    assert (paths.work / "finished").stat().st_mtime_ns == before  # nothing was trained


def test_who_does_not_ask_gets_the_record_without_weights(paths):
    train(PLAIN, FOUND, paths)
    assert "weights" not in records.read(paths.out)
    assert not weights.path(paths.out).exists()


def test_kept_weights_that_are_lost_or_changed_are_made_again(paths, trained, capsys):
    (kept,) = (paths.work / "finished").glob("*.weights.pt")
    content = kept.read_bytes()
    for spoil in (kept.unlink, lambda: kept.write_bytes(content[:-1])):
        spoil()
        train(KEEPING, FOUND, paths)
        assert "with weights that" in capsys.readouterr().err
        assert kept.read_bytes() == weights.path(paths.out).read_bytes() == content  # a training has one outcome


def test_a_finished_training_without_weights_is_done_again_for_them(paths, capsys):
    (kept,) = (paths.work / "finished").glob("*.json")
    record = json.loads(kept.read_text())
    del record["weights"]
    records.write(kept, record)
    train(KEEPING, FOUND, paths)
    assert "made without weights; ignored" in capsys.readouterr().err
    assert weights.fault(paths.out, records.read(paths.out)) == ""


def test_a_failed_training_has_no_weights(trained, paths):
    weights.path(paths.out).write_bytes(b"of an earlier record")
    record = train(KEEPING, {"status": "diverged", "reason": "loss is nan"}, paths)
    assert record["status"] == "failed" and "weights" not in record
    assert not weights.path(paths.out).exists()
