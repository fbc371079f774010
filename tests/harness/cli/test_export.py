"""`export`: a record's network as a file that the documentation's lines load, and mistakes answered in one line."""

import json
import re
import subprocess
import sys

import pytest
import torch

from harness import records
from harness.__main__ import main
from harness.records import weights
from tests.pages import fences, section, text

TRAINED = "train-0-cells4-repeat0.json"  # as in the documentation
TRAIN = "train --protocol smoke --dataset digits --space fbnet --data {folder}/digits-8 --work {folder}/work"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """With the records of a search and of a training that kept its weights, and with what was exported."""
    folder = tmp_path_factory.mktemp("export")
    assert main(["data", "--dataset", "digits", "--image", "8", "--out", str(folder / "digits-8")]) == 0
    job = TRAIN.format(folder=folder).split()
    search = ["search", *job[1:], "--method", "random_sampling", "--out", str(folder / "search.json")]
    assert main(search) == 0
    out = ["--search", str(folder / "search.json"), "--out", str(folder / TRAINED)]
    assert main([*job, "--method", "random_sampling", "--keep-weights", *out]) == 0
    onnx = ["--onnx", str(folder / "net.onnx")] if has_onnx() else []
    assert main(["export", str(folder / TRAINED), "--out", str(folder / "net.pt2"), *onnx]) == 0
    return folder


def has_onnx():
    from importlib.util import find_spec

    return all(find_spec(name) for name in ("onnx", "onnxscript", "onnxruntime"))


def run(folder, code, *imports):
    """What code prints in a folder, with one line behind it."""
    command = [sys.executable, "-c", "\n".join([code, *imports])]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def snippet(word):
    (code,) = (
        fence.code
        for fence in fences(section(text("docs/using.md"), "Use what was found"))
        if fence.language == "python" and word in fence.code
    )
    assert len(list(filter(None, code.splitlines()))) <= 5
    return code


SHOW = "print(json.dumps([about, logits.tolist()]))"
ALONE = "import sys; assert not {'harness', 'spaces', 'protocols'} & set(sys.modules)"


def test_the_five_lines_of_the_documentation_load_it_without_this_project(folder):
    about, logits = json.loads(run(folder, snippet("torch.export.load"), SHOW, ALONE))
    record = records.read(folder / TRAINED)
    assert (about["arch"], about["record"]) == (record["arch"], record["sha256"])
    assert about["test_accuracy"] == record["result"]["test_accuracy"]
    assert about["classes"] == [str(digit) for digit in range(10)]
    assert torch.tensor(logits).shape == (5, 10)


def test_the_lines_of_the_documentation_run_the_onnx_file(folder):
    if not has_onnx():
        pytest.skip("onnx, onnxscript or onnxruntime is not installed: pip install -e '.[onnx]'")
    shown = "import json; print(json.dumps(logits.tolist()))"
    from_onnx = json.loads(run(folder, snippet("onnxruntime"), shown, ALONE))
    _, from_torch = json.loads(run(folder, snippet("torch.export.load"), SHOW))
    torch.testing.assert_close(torch.tensor(from_onnx), torch.tensor(from_torch), rtol=1e-4, atol=1e-4)


def test_the_exported_network_has_the_records_accuracy(folder):
    from protocols.datasets import load
    from protocols.parts.augmentation import normalise

    data = load(folder / "digits-8")
    network = torch.export.load(folder / "net.pt2").module()
    with torch.inference_mode():
        found = network(normalise(data.test.images, data.mean, data.std, data.image)).argmax(1)
    accuracy = (found == data.test.labels).double().mean().item()
    assert accuracy == records.read(folder / TRAINED)["result"]["test_accuracy"]


def test_the_lines_of_the_documentation_give_the_network_itself(folder):
    shown = "print(json.dumps(network.eval()(torch.zeros(5, 1, 8, 8))[0].tolist()))"
    _, exported = json.loads(run(folder, snippet("torch.export.load"), SHOW))
    whole = torch.tensor(json.loads(run(folder, snippet("spaces.network"), shown)))
    torch.testing.assert_close(whole, torch.tensor(exported), rtol=1e-5, atol=1e-5)


def without_weights(folder, tmp_path):
    record = records.read(folder / TRAINED)
    del record["weights"]
    records.write(tmp_path / "record.json", record)


def failed(folder, tmp_path):
    record = {**records.read(folder / TRAINED), "status": "diverged", "reason": "loss is nan"}
    records.write(tmp_path / "record.json", record)


def spoilt(folder, tmp_path):
    (tmp_path / "record.json").write_bytes((folder / TRAINED).read_bytes())
    weights.write(tmp_path / "record.json", b"something else")


def of_other_code(folder, tmp_path):
    record = records.read(folder / TRAINED)
    state = torch.load(weights.path(folder / TRAINED), weights_only=True)
    torch.save({f"old.{name}": value for name, value in state.items()}, tmp_path / "old.pt")
    fits = {name: value for name, value in record["weights"].items() if name != "sha256"}
    kept = weights.Weights((tmp_path / "old.pt").read_bytes(), fits)
    weights.write(tmp_path / "record.json", kept.content)
    records.write(tmp_path / "record.json", {**record, "weights": kept.field()})


NAME = "digits/fbnet/random_sampling/train-0-cells3-repeat0"
MISTAKES = {
    "unknown file": (None, "record.json: no such file"),
    "a search": (lambda a, b: (b / "record.json").write_bytes((a / "search.json").read_bytes()), "is of a search"),
    "no weights": (without_weights, f"kept no weights: put `keep_weights: true` .* keep_weights=true {NAME}"),
    "no network": (failed, "has no network: the training diverged: loss is nan"),
    "spoilt weights": (spoilt, r"weights that were changed since \(record.weights.pt\)"),
    "other code": (of_other_code, "does not fit today's networks: it was made by commit"),
    "no record": (lambda a, b: (b / "record.json").write_text("{"), "cannot be read"),
}


@pytest.mark.parametrize(("make", "message"), MISTAKES.values(), ids=MISTAKES.keys())
def test_mistakes_are_one_line(folder, tmp_path, capsys, make, message):
    if make:
        make(folder, tmp_path)
    assert main(["export", str(tmp_path / "record.json"), "--out", str(tmp_path / "net.pt2")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1
    assert re.search(message, error), error
    assert not (tmp_path / "net.pt2").exists()


def test_a_file_that_exists_is_not_overwritten(folder, tmp_path, capsys):
    (tmp_path / "mine").write_text("mine")
    new = str(tmp_path / "new")
    for files in (["--out", str(tmp_path / "mine")], ["--out", new, "--onnx", str(tmp_path / "mine")]):
        assert main(["export", str(folder / TRAINED), *files]) == 2
        assert "mine exists: delete it, or choose another name" in capsys.readouterr().err
    assert (tmp_path / "mine").read_text() == "mine" and not (tmp_path / "new").exists()


def test_onnx_without_its_packages_says_how_to_get_them(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("harness.running.export.find_spec", lambda name: None)
    files = ["--out", str(tmp_path / "net.pt2"), "--onnx", str(tmp_path / "net.onnx")]
    assert main(["export", str(folder / TRAINED), *files]) == 2
    assert "--onnx needs onnx and onnxscript: pip install" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
