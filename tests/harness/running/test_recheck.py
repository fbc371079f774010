"""After a change of code: replays decide whether the records stay."""

import os
import shutil
import subprocess
import sys

import pytest

from harness import records
from harness.plan import rechecks, registry
from spaces.base import UserError

CONFIG = """\
protocol: smoke
datasets: [digits]
seeds: 1
random: 2
batch: 8
searches:
  - {method: darts, space: darts}
"""
SAME = ("protocols/parts/optimizers.py", "\n\ndef _unused() -> None:\n    return None\n")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A copy of the code with a finished small benchmark, both in one folder."""
    folder = tmp_path_factory.mktemp("made")
    for name in ("spaces", "methods", "protocols", "proxies", "harness"):
        shutil.copytree(registry.ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "benchmark.yaml").write_text(CONFIG)
    harness(folder, "data --dataset digits --image 8")
    method = "digits/darts/darts/search-0 digits/darts/darts/train-0-cells3-repeat0"
    random = [
        f"digits/darts/random_sampling/{kind}" for i in (0, 1) for kind in (f"search-{i}", f"train-{i}-cells3-repeat0")
    ]
    harness(folder, f"run --config benchmark.yaml {method} {' '.join(random)}")
    assert "all" in harness(folder, "status --config benchmark.yaml")
    return folder


@pytest.fixture
def folder(made, tmp_path):
    shutil.copytree(made, tmp_path / "copy", symlinks=True)
    return tmp_path / "copy"


def harness(folder, words, expected=0):
    environment = {**os.environ, "PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "harness", *words.split()]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == expected, done.stdout + done.stderr
    return done.stdout + done.stderr


def change(folder, file, added):
    path = folder / file
    path.write_text(path.read_text() + added)


def test_equal_replays_keep_the_records(folder):
    change(folder, *SAME)
    said = harness(folder, "status --config benchmark.yaml", 1)
    (line,) = (line for line in said.splitlines() if line.startswith("spoilt"))
    assert "and 5 others: made from other code than today's (protocols.parts.optimizers differ" in line
    said = harness(folder, "recheck --config benchmark.yaml -n 2")
    assert said.count(": equal") == 2 and "search-0: equal" in said and "train-" in said
    (entry,) = rechecks.read(folder / "results/smoke/recheck.json")
    assert entry["modules"] == ["protocols.parts.optimizers"] and len(entry["replays"]) == 2
    said = harness(folder, "status --config benchmark.yaml")
    assert "1 rechecks declare records of earlier code valid, by 2 replays" in said
    assert "nothing to recheck" in harness(folder, "recheck --config benchmark.yaml", 2)


@pytest.mark.slow
def test_a_run_after_a_recheck_is_of_the_same_benchmark(folder):
    """Finished runs are found, although the code has changed since."""
    change(folder, *SAME)
    harness(folder, "recheck --config benchmark.yaml -n 2")
    path = folder / "results/smoke/records/digits/darts/darts/search-0.json"
    before = path.read_bytes()
    path.unlink()
    (folder / "work/logs/smoke/digits/darts/darts/search-0.log").unlink()
    harness(folder, "run --config benchmark.yaml digits/darts/darts/search-0")
    assert path.read_bytes() == before
    assert not (folder / "work/logs/smoke/digits/darts/darts/search-0.log").exists()


def test_another_result_declares_nothing(folder):
    """The schedule at a fiftieth of its height, as it once passed for today's result."""
    path = folder / "protocols/parts/optimizers.py"
    path.write_text(path.read_text() + "\n\n_cosine = cosine\n\n\ndef cosine(*a):\n    return _cosine(*a) / 50\n")
    said = harness(folder, "recheck --config benchmark.yaml -n 2", 1)
    assert "differs in " in said and "nothing is declared" in said
    assert not (folder / "results/smoke/recheck.json").exists()
    assert "spoilt" in harness(folder, "status --config benchmark.yaml", 1)


def test_a_changed_schedule_is_trained_again(folder):
    """Not taken from what an earlier attempt has finished."""
    path = folder / "protocols/parts/optimizers.py"
    path.write_text(path.read_text() + "\n\n_cosine = cosine\n\n\ndef cosine(*a):\n    return _cosine(*a) / 50\n")
    name = "digits/darts/random_sampling/train-0-cells3-repeat0"
    record = folder / f"results/smoke/records/{name}.json"
    before = records.read(record)
    record.unlink()
    harness(folder, f"run --config benchmark.yaml digits/darts/random_sampling/search-0 {name}")
    after = records.read(record)
    assert after["curves"]["lr"] != before["curves"]["lr"] and after["fingerprint"] != before["fingerprint"]
    assert "epoch 0:" in (folder / f"work/logs/smoke/{name}.log").read_text()


def test_an_edited_declaration_is_refused(tmp_path):
    path = tmp_path / "recheck.json"
    path.write_bytes(rechecks.content([{"same": {"b": "a"}, "replays": ["x"], "modules": []}]))
    assert rechecks.read(path)[0]["same"] == {"b": "a"}
    path.write_text(path.read_text().replace('"b"', '"c"'))
    with pytest.raises(UserError, match=r"recheck\.json was cut or edited"):
        rechecks.read(path)
    assert rechecks.read(tmp_path / "none.json") == []
