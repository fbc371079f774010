"""Loading what was prepared: light, and every damage is seen."""

import hashlib
import json
import subprocess
import sys

import pytest

from harness.plan.registry import ROOT
from protocols.datasets import load
from spaces.base import UserError
from tests import house


def test_loading_imports_no_preparation_library(prepared):
    code = f"""
import sys
from protocols.datasets import load
load({str(prepared("digits"))!r})
print(sorted({{"torchvision", "PIL", "sklearn", "matplotlib", "scipy", "pandas"}} & {{*sys.modules}}))
print(*sorted(name for name in sys.modules if name.startswith("protocols.")))
"""
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    heavy, ours = run.stdout.splitlines()
    assert heavy == "[]", run.stderr
    assert ours.split() == ["protocols.datasets", "protocols.datasets.parts", "protocols.datasets.parts.prepared"]


def test_what_is_loaded_does_not_depend_on_how_it_was_prepared():
    """Not by an import inside a function either: a job's fingerprint follows all of them."""
    arrows, reached, waiting = house.arrows(), set(), ["protocols.datasets"]
    while waiting:
        if (module := waiting.pop()) not in reached:
            reached.add(module)
            waiting += arrows[module]
    assert {name for name in reached if name.startswith("protocols.")} == {
        "protocols.datasets",
        "protocols.datasets.parts.prepared",
    }


def test_manifest_states_checksums_counts_source_and_licence(prepared):
    manifest = json.loads((prepared("elpv") / "manifest.json").read_text())
    for file, digest in manifest["files"].items():
        assert hashlib.sha256((prepared("elpv") / file).read_bytes()).hexdigest() == digest
    assert sum(map(sum, manifest["counts"].values())) == 2624
    assert "CC BY-NC-SA" in manifest["licence"] and "2,624" in manifest["source"] and "1/3" in manifest["split"]


DAMAGES = {
    "truncated images": lambda f: (f / "test.images.npy").write_bytes((f / "test.images.npy").read_bytes()[:-9]),
    "one pixel": lambda f: _flip(f / "train.images.npy", 5000),
    "one label": lambda f: _flip(f / "val.labels.npy", 200),
    "missing": lambda f: (f / "val.images.npy").unlink(),
    "mean edited": lambda f: _edit(f / "manifest.json", "mean", [0.5]),
    "manifest truncated": lambda f: (f / "manifest.json").write_text("{"),
    "no manifest": lambda f: (f / "manifest.json").unlink(),
}


def _flip(path, offset):
    content = bytearray(path.read_bytes())
    content[offset] ^= 1
    path.write_bytes(content)


def _edit(path, key, value):
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_seen_and_the_cure_named(prepared, damage, tmp_path):
    folder = tmp_path / "digits"
    folder.mkdir()
    for file in prepared("digits").iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    load(folder)
    DAMAGES[damage](folder)
    with pytest.raises(UserError, match=f"delete .*{'it' if damage == 'no manifest' else 'digits'} and rerun"):
        load(folder)
