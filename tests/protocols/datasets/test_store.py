"""Preparing: whole or not at all, and the same bytes each time."""

import multiprocessing
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from harness.plan.datasets import named
from harness.plan.registry import ROOT
from protocols.datasets import load
from protocols.datasets.base import Dataset, RawData
from protocols.datasets.parts.store import prepare
from spaces.base import UserError
from tests.protocols.datasets.pictures import pictures


def test_mean_and_std_are_those_of_train_and_val(prepared):
    data = load(prepared("textures"))
    pixels = np.concatenate([data.train.images.numpy(), data.val.images.numpy()]) / 255
    assert np.allclose(data.mean, pixels.mean((0, 2, 3)), atol=1e-6)
    assert np.allclose(data.std, pixels.std((0, 2, 3)), atol=1e-6)


def test_same_bytes_again_in_another_process(prepared, tmp_path):
    code = f"""
from pathlib import Path
from harness.plan.datasets import named
from protocols.datasets.parts.store import prepare
for name in ("glyphs", "textures"):
    prepare(named(name), 12, Path({str(tmp_path)!r}) / name)
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, env={"PYTHONHASHSEED": "7"})
    files = [file for folder in tmp_path.iterdir() for file in folder.iterdir()]
    assert len(files) == 2 * 8
    for file in files:
        assert file.read_bytes() == (prepared(file.parent.name) / file.name).read_bytes()


def test_all_undecodable_files_are_named_at_once(tmp_path):
    for name in ("a", "b"):
        pictures(tmp_path / name, 10, suffix="jpg")
    for i in range(1, 8):
        file = tmp_path / "a" / f"image_{i:05}.jpg"
        file.write_bytes(file.read_bytes()[: 900 if i > 1 else 0])
    named(f"folder:{tmp_path}").check(Path("data"))  # decodes nothing
    with pytest.raises(UserError, match=r"cannot decode .*image_0000\d.jpg.*and 2 more: replace or remove") as error:
        prepare(named(f"folder:{tmp_path}"), 16, tmp_path / "out")
    assert str(error.value).count(".jpg") == 5 and "\n" not in str(error.value)
    assert not (tmp_path / "out").exists() and not list(tmp_path.glob(".out*"))


def test_a_failed_preparation_leaves_what_was_there(tmp_path):
    """Train and val have been written when the images of test turn out to be broken."""
    images, out = tmp_path / "images", tmp_path / "out" / "prepared"
    for split in ("train", "val", "test"):
        for name in ("a", "b"):
            pictures(images / split / name, 2, side=8)
    prepare(named(f"folder:{images}"), 8, out)
    (images / "test" / "b" / "image_00001.png").write_bytes(b"")
    with pytest.raises(UserError, match="cannot decode .*test/b/image_00001.png"):
        prepare(named(f"folder:{images}"), 10, out)
    assert load(out).image == 8
    assert [file.name for file in out.parent.iterdir()] == ["prepared"]


def _prepared_at_once(images, out, sides, queue):
    try:
        for side in sides:
            prepare(named(f"folder:{images}"), side, out)
        queue.put("")
    except BaseException as error:
        queue.put(repr(error))


@pytest.mark.parametrize("sides", [(8, 8, 8), (8, 10, 8, 10)])
def test_preparations_at_once_are_safe(sides, tmp_path):
    """Also of different images: whoever reads finds one whole dataset."""
    images, out, context = tmp_path / "images", tmp_path / "out" / "prepared", multiprocessing.get_context("fork")
    for name in ("a", "b"):
        pictures(images / name, 5, side=8)
    queue = context.Queue()
    processes = [context.Process(target=_prepared_at_once, args=(images, out, sides, queue)) for _ in range(4)]
    for process in processes:
        process.start()
    assert [queue.get(timeout=120) for _ in processes] == [""] * 4
    for process in processes:
        process.join()
    assert load(out).image == sides[-1] and [file.name for file in out.parent.iterdir()] == ["prepared"]


@pytest.mark.parametrize("kind", ["a file", "a folder of pictures"])
def test_what_is_no_prepared_dataset_is_never_replaced(kind, tmp_path):
    out = tmp_path / "mine"
    if kind == "a file":
        out.write_text("mine")
    else:
        pictures(out, 1)
    with pytest.raises(UserError, match="mine holds other things than a prepared dataset"):
        prepare(named("digits"), 8, out)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
    assert out.read_text() == "mine" if out.is_file() else len(list(out.iterdir())) == 1


def test_a_prepared_dataset_that_lost_its_manifest_is_prepared_again(tmp_path):
    prepare(named("digits"), 8, tmp_path / "out")
    (tmp_path / "out/manifest.json").unlink()
    prepare(named("digits"), 10, tmp_path / "out")
    assert load(tmp_path / "out").image == 10


class TwoClasses(Dataset):
    """A dataset that is not what it says."""

    classes, inputs, flip = 2, 1, False
    source = licence = split = "made by this test"

    def read(self, root):
        image = np.zeros((4, 4), np.uint8)
        return self.raw(image)


@pytest.mark.parametrize(
    "raw, message",
    [
        (lambda i: RawData(("a",), [(i, 0)], [(i, 0)], [(i, 0)]), "dataset two has 1 classes, but says 2"),
        (lambda i: RawData(("a", "b"), [(i, 0)], [(i, 2)], [(i, 1)]), "split val has labels 2 to 2, but there are 2"),
        (lambda i: RawData(("a", "b"), [(i, 0)], [(i, 1)], []), "split test has no image"),
    ],
)
def test_a_dataset_that_is_not_what_it_says_is_refused(tmp_path, raw, message):
    dataset = TwoClasses("two")
    dataset.raw = raw
    with pytest.raises(UserError, match=message):
        prepare(dataset, 4, tmp_path / "out")
    assert not list(tmp_path.iterdir())
