"""Files of a finished benchmark are cut, edited, swapped, exchanged: each is found, and none makes a table."""

import json
import shutil
from types import SimpleNamespace

import pytest

from harness.__main__ import main
from harness.records.record import seal

pytestmark = pytest.mark.pipeline
RECORDS = "results/smoke/records/digits/darts"
SEARCH, TRAIN = f"{RECORDS}/darts/search-0.json", f"{RECORDS}/darts/train-0-cells3-repeat0.json"
RANDOM = f"{RECORDS}/random_sampling/train-0-cells3-repeat0.json"
STATUS = ["status", "--config", "benchmark.yaml"]
TABLES = ["tables", "--config", "benchmark.yaml", "--out", "new-tables"]
TRAINING = ["train", "--protocol", "smoke", "--dataset", "digits", "--space", "darts", "--seed", "7", "--arch"]


@pytest.fixture
def spoilt(unbroken, tmp_path):
    """A copy of the finished benchmark to spoil."""
    folder = tmp_path / "run"
    shutil.copytree(unbroken, folder, symlinks=True)
    return folder


@pytest.fixture
def harness(spoilt, monkeypatch, capsys):
    """A command of the harness in that folder, in this process: one of its own would load everything again."""
    monkeypatch.chdir(spoilt)

    def run(*arguments):
        code = main(list(arguments))
        said = capsys.readouterr()
        return SimpleNamespace(returncode=code, stdout=said.out, stderr=said.err)

    return run


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path):
    path.write_bytes(b"")


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // (2 if path.name == "manifest.json" else 4)] ^= 1  # in what the checksum covers
    path.write_bytes(content)


def forge(path):
    record = json.loads(path.read_text())
    if "test_accuracy" in record["result"]:
        record["result"]["test_accuracy"] = 0.99
    else:
        record["arch"] = record["arch"].replace("conv_3x3", "conv_5x5")
    path.write_text(json.dumps(record))


def of_other_settings(path):
    """Its checksum is right, but it was not made by this configuration."""
    record = json.loads(path.read_text())
    record["config"]["setting"]["recipe"]["lr"] = 1.0
    record["fingerprint"] = "0" * 64
    record["sha256"] = seal(record)
    path.write_text(json.dumps(record))


def other_images(path):
    record = json.loads(path.read_text())
    record["data"] = "0" * 64
    record["sha256"] = seal(record)
    path.write_text(json.dumps(record))


def newer(path):
    path.write_text(json.dumps({**json.loads(path.read_text()), "schema": 99}))


def not_a_record(path):
    path.write_text("[1, 2, 3]")


def copied_from_random(path):
    shutil.copy(path.parents[3] / "digits/darts/random_sampling" / path.name, path)


def append(path):
    path.write_text(path.read_text() + "forged,1,2,3\n")


@pytest.mark.parametrize(
    "harm", [cut, empty, flip, forge, of_other_settings, newer, not_a_record, copied_from_random, other_images]
)
def test_a_spoilt_training_is_named_and_makes_no_table(spoilt, harness, harm):
    harm(spoilt / TRAIN)
    for command in (TABLES, STATUS):
        found = harness(*command)
        assert found.returncode != 0
        assert TRAIN in found.stdout + found.stderr
    assert not (spoilt / "new-tables").exists()


@pytest.mark.parametrize("harm", [cut, empty, flip, forge, of_other_settings, newer])
def test_a_spoilt_search_is_named_and_makes_no_table(spoilt, harness, harm):
    harm(spoilt / SEARCH)
    found = harness(*TABLES)
    assert found.returncode == 2 and found.stderr.count("\n") == 1
    assert SEARCH in found.stderr
    assert not (spoilt / "new-tables").exists()


@pytest.mark.parametrize("name", ["tables/relative_improvement.csv", "tables/costs.md", "figures/ri.csv"])
def test_an_edited_table_is_named(spoilt, harness, name):
    append(spoilt / "results/smoke/benchmark" / name)
    found = harness(*STATUS)
    assert found.returncode == 2
    assert name.rpartition("/")[2] in found.stderr and found.stderr.count("\n") == 1


def test_tables_older_than_their_records_are_named(spoilt, harness):
    """A record that was made again, here with another time, after the tables."""
    path = spoilt / RANDOM
    path.write_text(path.read_text().replace('"seconds": ', '"seconds": 1'))
    found = harness(*STATUS)
    assert found.returncode == 2 and path.name in found.stderr


@pytest.mark.parametrize("harm", [cut, empty, flip])
@pytest.mark.parametrize("name", ["train.images.npy", "test.labels.npy", "manifest.json"])
def test_spoilt_images_are_named_before_any_training(spoilt, harness, harm, name):
    harm(spoilt / "work/data/digits-8" / name)
    arch = harness("sample", "--space", "darts").stdout.strip()
    found = harness(*TRAINING, arch, "--out", "new.json")
    assert found.returncode == 2 and found.stderr.count("\n") == 1
    assert f"work/data/digits-8/{name}" in found.stderr
    assert not (spoilt / "new.json").exists()


def test_nothing_spoilt_is_fine(harness):
    found = harness(*STATUS)
    assert found.returncode == 0, found.stdout + found.stderr
