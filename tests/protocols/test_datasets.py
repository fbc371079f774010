"""The five embedded datasets, what is promised of them, and what a prepared folder is worth once it is damaged."""

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from protocols.datasets import base as datasets
from protocols.datasets.parts import embedded as _embedded
from protocols.datasets.parts.splits import stratified
from spaces.base import UserError

EMBEDDED = ("digits", "mnist5k", "elpv", "glyphs", "textures")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    root = tmp_path_factory.mktemp("prepared")
    for name in EMBEDDED:
        datasets.prepare(name, 16, root / name)
    return {name: root / name for name in EMBEDDED}


@pytest.mark.parametrize("name", EMBEDDED)
def test_sizes_and_balance_are_as_documented(prepared, name):
    spec, data = datasets.spec(name), datasets.load(prepared[name])
    sizes = [len(split.labels) for split in (data.train, data.val, data.test)]
    stated = spec.split.replace(",", "")
    assert all(re.search(rf"\b{size}\b", stated) for size in sizes), (sizes, spec.split)
    assert spec.classes == len(data.classes) and spec.inputs == data.inputs and spec.flip == data.flip
    for images, labels in (data.train, data.val, data.test):
        assert images.shape == (len(labels), spec.inputs, 16, 16) and str(images.dtype) == "torch.uint8"
        assert str(labels.dtype) == "torch.int64" and set(labels.tolist()) == set(range(spec.classes))


@pytest.mark.parametrize("name", EMBEDDED)
def test_no_image_is_in_two_splits(prepared, name):
    data = datasets.load(prepared[name])
    seen = [{image.tobytes() for image in split.images.numpy()} for split in (data.train, data.val, data.test)]
    assert not seen[0] & seen[2] and not seen[1] & seen[2] and not seen[0] & seen[1]


def test_mean_and_std_are_those_of_train_and_val(prepared):
    data = datasets.load(prepared["textures"])
    pixels = np.concatenate([data.train.images.numpy(), data.val.images.numpy()]) / 255
    assert np.allclose(data.mean, pixels.mean((0, 2, 3)), atol=1e-6)
    assert np.allclose(data.std, pixels.std((0, 2, 3)), atol=1e-6)


def test_digits_are_scikit_learns(prepared, tmp_path):
    from sklearn.datasets import load_digits

    datasets.prepare("digits", 8, tmp_path / "digits")
    data, bunch = datasets.load(tmp_path / "digits"), load_digits()
    ours = sorted((int(y), i.tobytes()) for s in (data.train, data.val, data.test) for i, y in zip(s[0].numpy(), s[1]))
    theirs = (np.rint(bunch.images * 15.9375)).astype(np.uint8)
    assert ours == sorted((int(y), i.tobytes()) for i, y in zip(theirs, bunch.target))


def test_elpv_labels_follow_type_and_probability():
    source = _embedded.elpv()
    counts = [sum(source.labels[s].count(c) for s in source.labels) for c in range(4)]
    assert counts == [588 + 117, 313 + 56, 920 + 178, 402 + 50]  # counted in labels.csv by hand


def test_glyph_fonts_are_the_text_fonts_and_test_fonts_are_unseen():
    import matplotlib

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    assert len({font for fonts in _embedded.FONTS.values() for font in fonts}) == 21
    assert sum(map(len, _embedded.FONTS.values())) == 21  # no font twice
    for font in sum(_embedded.FONTS.values(), []):
        letters = {bytes(_embedded._font(folder / f"{font}.ttf").getmask(letter)) for letter in _embedded.LETTERS}
        assert len(letters) == 26, f"{font} does not have 26 different capitals"


def test_same_bytes_again_in_another_process(prepared, tmp_path):
    code = (
        "from pathlib import Path; from protocols import datasets; "
        f"[datasets.prepare(n, 16, Path({str(tmp_path)!r}) / n) for n in ('glyphs', 'textures')]"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2], env={"PYTHONHASHSEED": "7"})
    for file in [file for folder in tmp_path.iterdir() for file in folder.iterdir()]:
        assert file.read_bytes() == (prepared[file.parent.name] / file.name).read_bytes()


def test_a_linear_classifier_is_far_above_chance(prepared):
    from sklearn.linear_model import LogisticRegression

    data = datasets.load(prepared["digits"])
    flat = [split.images.numpy().reshape(len(split.labels), -1) / 255 for split in (data.train, data.test)]
    assert LogisticRegression(max_iter=200).fit(flat[0], data.train.labels).score(flat[1], data.test.labels) > 0.9


def test_planning_imports_nothing_heavy():
    code = (
        "import sys; from protocols import datasets; [datasets.check(n) for n in datasets.names()[:5]]; "
        "print(sorted({'torch', 'numpy', 'PIL', 'sklearn', 'matplotlib'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], capture_output=True, text=True)
    assert run.stdout.strip() == "[]", run.stderr


def test_loading_imports_no_preparation_library(prepared):
    code = (
        f"import sys; from protocols import datasets; datasets.load({str(prepared['digits'])!r}); "
        "print(sorted({'torchvision', 'PIL', 'sklearn', 'matplotlib', 'scipy', 'pandas'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], capture_output=True, text=True)
    assert run.stdout.strip() == "[]", run.stderr


@pytest.mark.parametrize("name, hint", [("digit", "digits"), ("cifar-10", "cifar10"), ("zzz", "folder:PATH")])
def test_unknown_name_offers_the_nearest(name, hint):
    with pytest.raises(UserError, match=hint):
        datasets.spec(name)


def test_manifest_states_checksums_counts_source_and_licence(prepared):
    manifest = json.loads((prepared["elpv"] / "manifest.json").read_text())
    for file, digest in manifest["files"].items():
        assert hashlib.sha256((prepared["elpv"] / file).read_bytes()).hexdigest() == digest
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
    for file in prepared["digits"].iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    datasets.load(folder)
    DAMAGES[damage](folder)
    with pytest.raises(UserError, match=f"delete .*{'it' if damage == 'no manifest' else 'digits'} and rerun"):
        datasets.load(folder)


def test_a_failed_preparation_leaves_what_was_there(prepared, tmp_path, monkeypatch):
    datasets.prepare("digits", 8, tmp_path / "digits")
    monkeypatch.setitem(_embedded.SOURCES, "digits", _broken)
    with pytest.raises(RuntimeError, match="power cut"):
        datasets.prepare("digits", 8, tmp_path / "digits")
    assert datasets.load(tmp_path / "digits").image == 8
    assert [file.name for file in tmp_path.iterdir()] == ["digits"]


def _broken():
    class Images(list):
        def __iter__(self):
            yield np.zeros((8, 8), np.uint8)
            raise RuntimeError("power cut")

    return _embedded.Source(("0", "1"), {s: Images([0, 0]) for s in ("train", "val", "test")}, {})


def test_stratified_split_is_disjoint_proportional_and_local():
    strata = ["a"] * 100 + ["b"] * 50
    parts = stratified(strata, (0.4, 0.4, 0.2), "seed")
    assert sorted(sum(parts, [])) == list(range(150))
    assert [sum(i < 100 for i in part) for part in parts] == [40, 40, 20]
    more = stratified(strata + ["b"] * 50, (0.4, 0.4, 0.2), "seed")
    assert [[i for i in part if i < 100] for part in more] == [[i for i in part if i < 100] for part in parts]
    assert parts != stratified(strata, (0.4, 0.4, 0.2), "other seed")
