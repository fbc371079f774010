"""Records and checkpoints: written whole or not at all, and never believed when they were cut or changed."""

import json
import random

import pytest
import torch

from harness import records
from harness.plan.fingerprints import hash_of
from harness.plan.jobs import Search, Training
from harness.plan.seeds import seed_of
from harness.running.checkpoint import Checkpoint
from harness.running.curves import Curves
from spaces.base import UserError

RECORD = {
    "kind": "train",
    "status": "done",
    "key": {"seed": 0},
    "result": {"test_accuracy": 0.5},
    "measured": {"seconds": 1},
}


def test_a_record_comes_back(tmp_path):
    path = tmp_path / "deep" / "record.json"
    records.write(path, RECORD)
    read = records.read(path)
    assert {key: read[key] for key in RECORD} == RECORD
    assert [file.name for file in path.parent.iterdir()] == ["record.json"]


def test_only_the_measured_part_is_outside_the_seal(tmp_path):
    records.write(tmp_path / "a", RECORD)
    records.write(tmp_path / "b", {**RECORD, "measured": {"seconds": 2}})
    records.write(tmp_path / "c", {**RECORD, "result": {"test_accuracy": 0.6}})
    a, b, c = (records.read(tmp_path / name)["sha256"] for name in "abc")
    assert a == b != c


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text[: len(text) // 2],
        lambda text: "",
        lambda text: text.replace("0.5", "0.99"),
        lambda text: text.replace('"done"', '"failed"'),
        lambda text: "[]",
        lambda text: "{}",
        lambda text: json.dumps({**json.loads(text), "schema": 99}),
    ],
)
def test_spoilt_records_are_refused(tmp_path, spoil):
    path = tmp_path / "record.json"
    records.write(path, RECORD)
    path.write_text(spoil(path.read_text()))
    with pytest.raises(UserError) as caught:
        records.read(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def state():
    generator, rng, curves = torch.Generator().manual_seed(1), random.Random(1), Curves()
    weights = torch.nn.ParameterList([torch.zeros(3)])
    return {"generator": generator, "rng": rng, "curves": curves, "weights": weights}


def work(state, epoch):
    with torch.no_grad():
        state["weights"][0].add_(torch.rand(3, generator=state["generator"]) + state["rng"].random())
    state["curves"].log(epoch, {"sum": state["weights"][0].sum().item()})


def test_a_checkpoint_restores_everything(tmp_path):
    whole = state()
    for epoch in Checkpoint(tmp_path / "never", "f").epochs(4, whole):
        work(whole, epoch)
    cut = state()
    for epoch in Checkpoint(tmp_path / "c", "f").epochs(4, cut):
        work(cut, epoch)
        if epoch == 2:
            break  # killed in its third epoch: two are kept
    resumed, epochs = state(), []
    for epoch in Checkpoint(tmp_path / "c", "f").epochs(4, resumed):
        epochs.append(epoch)
        work(resumed, epoch)
    assert epochs == [2, 3]
    assert torch.equal(resumed["weights"][0], whole["weights"][0])
    assert resumed["curves"].columns() == whole["curves"].columns()


@pytest.mark.parametrize("harm", ["cut", "flipped", "empty", "foreign"])
def test_a_bad_checkpoint_is_reported_and_ignored(tmp_path, capsys, harm):
    path = tmp_path / "c"
    first = state()
    for epoch in Checkpoint(path, "f").epochs(2, first):
        work(first, epoch)
    content = bytearray(path.read_bytes())
    if harm == "cut":
        path.write_bytes(content[:-1])
    elif harm == "flipped":
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    elif harm == "empty":
        path.write_bytes(b"")
    fingerprint = "g" if harm == "foreign" else "f"
    assert list(Checkpoint(path, fingerprint).epochs(2, state())) == [0, 1]
    assert capsys.readouterr().err.count("\n") == 1


def test_seeds_are_hashes_of_named_axes():
    assert seed_of(a=1, b="x") == seed_of(b="x", a=1) == 7434934150785762209
    assert len({seed_of(dataset=d, seed=s) for d in "abc" for s in range(100)}) == 300
    assert all(0 <= seed_of(seed=s) < 2**63 for s in range(100))


def test_fingerprints_name_all_that_decides():
    base = Search("smoke", "digits", "darts", "random_sampling", 0)
    others = [
        Search("laptop", "digits", "darts", "random_sampling", 0),
        Search("smoke", "glyphs", "darts", "random_sampling", 0),
        Search("smoke", "digits", "enas", "random_sampling", 0),
        Search("smoke", "digits", "darts", "random_sampling", 1),
        Search("smoke", "digits", "darts", "darts", 0),
        Search("smoke", "digits", "darts", "darts", 0, (("order", 2),)),
    ]
    prints = [job.fingerprint() for job in (base, *others)]
    prints += [Training.of(base, {"cells": 3}, repeat).fingerprint() for repeat in (0, 1)]
    prints += [Training.of(base, {"cells": 5}).fingerprint()]
    assert len(set(prints)) == len(prints)


def test_hashes_are_of_canonical_json():
    assert hash_of({"b": (1, 2), "a": None}) == hash_of({"a": None, "b": [1, 2]})
