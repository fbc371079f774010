"""The published on-disk formats, written tiny by the tests themselves, and files that lie, break or attack."""

import os
import pickle

import numpy as np
import pytest
from PIL import Image

from protocols.datasets import base as datasets
from spaces.base import UserError

RNG = np.random.default_rng(0)


def _pictures(folder, number, side=40, suffix="png", mode="RGB"):
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(number):
        shape = (side, 2 * side, 3) if mode == "RGB" else (side, 2 * side)
        Image.fromarray(RNG.integers(0, 256, shape, dtype=np.uint8)).save(folder / f"image_{i + 1:05}.{suffix}")


def _cifar(root, folder, files, size=20, label="labels", classes=10, protocol=2):
    (root / folder).mkdir(parents=True)
    written = []
    for name in files:
        data = RNG.integers(0, 256, (size, 3072), dtype=np.uint8)
        labels = (np.arange(size) % classes).tolist()
        (root / folder / name).write_bytes(pickle.dumps({b"data": data, label.encode(): labels}, protocol))
        written.append((data, labels))
    return written


BATCHES = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_cifar10_python_version(tmp_path, protocol):
    written = _cifar(tmp_path, "cifar-10-batches-py", BATCHES, protocol=protocol)
    datasets.prepare("cifar10", 32, tmp_path / "out", tmp_path)
    data = datasets.load(tmp_path / "out")
    train = np.concatenate([d for d, _ in written[:5]]).reshape(-1, 3, 32, 32)
    assert (data.train.images.numpy() == train[:50]).all() and (data.val.images.numpy() == train[50:]).all()
    assert (data.test.images.numpy() == written[5][0].reshape(-1, 3, 32, 32)).all()
    assert data.test.labels.tolist() == written[5][1] and data.classes[3] == "cat"


def test_cifar10_written_by_python_2(tmp_path):
    """Strings of protocol 2 without an encoding, and numpy under its old name, as in the published files."""
    _cifar(tmp_path, "cifar-10-batches-py", BATCHES)
    for name in BATCHES:
        file = tmp_path / "cifar-10-batches-py" / name
        pixels = bytes(range(256)) * 120
        state = (
            b"(K\x01K\x0aM\x00\x0c\x86cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNN" + 2 * b"J\xff\xff\xff\xff"
        )
        array = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R" + state + b"K\x00tb"
        array += b"\x89T" + len(pixels).to_bytes(4, "little") + pixels + b"tb"
        labels = b"]" + b"".join(b"K" + bytes([i]) + b"a" for i in range(10))
        file.write_bytes(b"\x80\x02}U\x04data" + array + b"sU\x06labels" + labels + b"s.")
    datasets.prepare("cifar10", 32, tmp_path / "out", tmp_path)
    data = datasets.load(tmp_path / "out")
    assert data.test.images.flatten()[:5].tolist() == [0, 1, 2, 3, 4] and data.test.labels.tolist() == list(range(10))


def test_cifar10_binary_version_equals_the_python_version(tmp_path):
    written = _cifar(tmp_path / "py", "cifar-10-batches-py", BATCHES)
    folder = tmp_path / "bin" / "cifar-10-batches-bin"
    folder.mkdir(parents=True)
    for name, (data, labels) in zip(BATCHES, written):
        records = np.concatenate([np.array(labels, np.uint8)[:, None], data], 1)
        (folder / f"{name}.bin").write_bytes(records.tobytes())
    for form in ("py", "bin"):
        datasets.prepare("cifar10", 32, tmp_path / f"{form}.out", tmp_path / form)
    assert datasets.load(tmp_path / "py.out").sha256 == datasets.load(tmp_path / "bin.out").sha256
    (folder / "data_batch_3.bin").write_bytes(records.tobytes()[:-1])
    with pytest.raises(UserError, match="data_batch_3.bin is truncated"):
        datasets.prepare("cifar10", 32, tmp_path / "out", tmp_path / "bin")


def test_cifar100_both_versions_use_fine_labels(tmp_path):
    written = _cifar(tmp_path / "py", "cifar-100-python", ["train", "test"], 200, "fine_labels", 100)
    folder = tmp_path / "bin" / "cifar-100-binary"
    folder.mkdir(parents=True)
    for name, (data, labels) in zip(("train", "test"), written):
        coarse_fine = np.stack([np.zeros(200), labels], 1).astype(np.uint8)
        (folder / f"{name}.bin").write_bytes(np.concatenate([coarse_fine, data], 1).tobytes())
    for form in ("py", "bin"):
        datasets.prepare("cifar100", 32, tmp_path / f"{form}.out", tmp_path / form)
    data = datasets.load(tmp_path / "py.out")
    assert data.sha256 == datasets.load(tmp_path / "bin.out").sha256
    assert len(data.classes) == 100 and data.test.labels.tolist() == written[1][1]


def test_a_pickle_that_runs_code_is_refused(tmp_path):
    class Attack:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path / 'owned'}",)

    _cifar(tmp_path, "cifar-10-batches-py", BATCHES)
    for payload in (Attack(), {b"data": Attack(), b"labels": []}):
        (tmp_path / "cifar-10-batches-py" / "data_batch_2").write_bytes(pickle.dumps(payload, 2))
        with pytest.raises(UserError, match="data_batch_2.*(posix|nt).system"):
            datasets.prepare("cifar10", 32, tmp_path / "out", tmp_path)
    for name in (
        b"cbuiltins\neval\n",
        b"cnumpy\nload\n",
        b"cnumpy._core.multiarray\nfromfile\n",
        b"cbuiltins\ngetattr\n",
    ):
        (tmp_path / "cifar-10-batches-py" / "data_batch_2").write_bytes(name + b"(U\x031+1tR.")
        with pytest.raises(UserError, match="it refers to"):
            datasets.prepare("cifar10", 32, tmp_path / "out", tmp_path)
    assert not (tmp_path / "owned").exists() and not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", [b"", b"\x80\x02}", pickle.dumps([1]), pickle.dumps({b"data": 3})])
def test_a_broken_cifar_batch_is_named(tmp_path, content):
    _cifar(tmp_path, "cifar-10-batches-py", BATCHES)
    (tmp_path / "cifar-10-batches-py" / "data_batch_4").write_bytes(content)
    with pytest.raises(UserError, match="data_batch_4.*again"):
        datasets.prepare("cifar10", 32, tmp_path / "out", tmp_path)


def test_a_label_out_of_range_is_refused(tmp_path):
    _cifar(tmp_path, "cifar-10-batches-py", BATCHES, classes=11)
    with pytest.raises(UserError, match="labels 0 to 10, but there are 10 classes"):
        datasets.prepare("cifar10", 32, tmp_path / "out", tmp_path)


def test_flowers102_pairs_labels_and_files(tmp_path):
    from scipy.io import savemat

    _pictures(tmp_path / "flowers-102" / "jpg", 30, suffix="jpg")
    labels = np.repeat([1, 2, 102], 10)
    savemat(tmp_path / "flowers-102" / "imagelabels.mat", {"labels": labels[None].astype(np.uint8)})
    datasets.prepare("flowers102", 16, tmp_path / "out", tmp_path)
    data = datasets.load(tmp_path / "out")
    assert [len(s.labels) for s in (data.train, data.val, data.test)] == [12, 12, 6] and len(data.classes) == 102
    for line in (tmp_path / "out" / "splits.csv").read_text().splitlines()[1:]:
        _, file, label = line.split(",")
        assert labels[int(file[-9:-4]) - 1] - 1 == int(label)
    (tmp_path / "flowers-102" / "jpg" / "image_00030.jpg").unlink()
    with pytest.raises(UserError, match="29 images and 30 labels"):
        datasets.prepare("flowers102", 16, tmp_path / "out", tmp_path)
    (tmp_path / "flowers-102" / "imagelabels.mat").write_bytes(b"MATLAB 5.0")
    with pytest.raises(UserError, match="cannot read .*imagelabels.mat"):
        datasets.prepare("flowers102", 16, tmp_path / "out", tmp_path)


def test_sport8_is_cut_40_40_20_and_stored_with_a_margin(tmp_path):
    for i in range(8):
        _pictures(tmp_path / "sport8" / f"sport{i}", 5, side=20)
    datasets.prepare("sport8", 112, tmp_path / "out", tmp_path)
    data = datasets.load(tmp_path / "out")
    assert data.train.images.shape == (16, 3, 128, 128) and data.image == 112
    assert [s.labels.bincount().tolist() for s in (data.train, data.val, data.test)] == [[2] * 8, [2] * 8, [1] * 8]
    (tmp_path / "sport8" / "sport7").rename(tmp_path / "sport7")
    with pytest.raises(UserError, match="has 7 class folders, sport8 has 8"):
        datasets.check("sport8", tmp_path)


@pytest.mark.parametrize("name", ["cifar10", "cifar100", "sport8", "mit67", "flowers102"])
def test_a_missing_dataset_says_what_to_download_and_where_to_put_it(tmp_path, name):
    with pytest.raises(UserError, match=rf"{name} is missing {tmp_path}.*download .*(tar.gz|tgz|rar|tar) .*under"):
        datasets.check(name, tmp_path)


def test_folder_with_splits_halves_train_by_class(tmp_path):
    for name in ("cat", "dog"):
        _pictures(tmp_path / "train" / name, 8)
        _pictures(tmp_path / "test" / name, 3, suffix="jpg")
    datasets.prepare(f"folder:{tmp_path}", 16, tmp_path / "out")
    data = datasets.load(tmp_path / "out")
    assert [s.labels.bincount().tolist() for s in (data.train, data.val, data.test)] == [[4, 4], [4, 4], [3, 3]]
    assert data.classes == ("cat", "dog") and data.inputs == 3 and datasets.spec(f"folder:{tmp_path}").classes == 2
    first = (tmp_path / "out" / "splits.csv").read_text().splitlines()[1].split(",")
    picture = Image.open(first[1]).convert("RGB").resize((32, 16), Image.Resampling.BILINEAR).crop((8, 0, 24, 16))
    assert (data.train.images[0].permute(1, 2, 0).numpy() == np.asarray(picture)).all()


def test_folder_val_is_used_if_given_and_the_digest_does_not_depend_on_the_path(tmp_path):
    for split, number in (("train", 4), ("val", 2), ("test", 1)):
        for name in ("a", "b"):
            _pictures(tmp_path / "one" / split / name, number)
    datasets.prepare(f"folder:{tmp_path / 'one'}", 16, tmp_path / "out1")
    (tmp_path / "one").rename(tmp_path / "two")
    datasets.prepare(f"folder:{tmp_path / 'two'}", 16, tmp_path / "out2")
    one, two = datasets.load(tmp_path / "out1"), datasets.load(tmp_path / "out2")
    assert one.sha256 == two.sha256 and [len(s.labels) for s in (one.train, one.val, one.test)] == [8, 4, 2]


def test_every_kind_of_picture_becomes_rgb(tmp_path):
    grey16 = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    for name in ("a", "b"):
        _pictures(tmp_path / name, 2, side=16, mode="L")
        Image.fromarray(grey16).save(tmp_path / name / "image_00003.png")
        Image.new("RGBA", (16, 16), (10, 20, 30, 255)).convert("P").save(tmp_path / name / "image_00004.gif")
        Image.new("CMYK", (16, 16)).save(tmp_path / name / "image_00005.JPG", "jpeg")
    datasets.prepare(f"folder:{tmp_path}", 16, tmp_path / "out")
    data = datasets.load(tmp_path / "out")
    files = [line.split(",")[1] for line in (tmp_path / "out" / "splits.csv").read_text().splitlines()[1:]]
    images = np.concatenate([s.images.numpy() for s in (data.train, data.val, data.test)])
    ours = images[[f.endswith("00003.png") for f in files]][0]
    assert (ours == (grey16 >> 8)).all()


def test_all_undecodable_files_are_named_at_once(tmp_path):
    for name in ("a", "b"):
        _pictures(tmp_path / name, 10, suffix="jpg")
    for i in range(1, 8):
        file = tmp_path / "a" / f"image_{i:05}.jpg"
        file.write_bytes(file.read_bytes()[: 900 if i > 1 else 0])
    datasets.check(f"folder:{tmp_path}")  # decodes nothing
    with pytest.raises(UserError, match=r"cannot decode .*image_0000\d.jpg.*and 2 more: replace or remove") as error:
        datasets.prepare(f"folder:{tmp_path}", 16, tmp_path / "out")
    assert str(error.value).count(".jpg") == 5 and "\n" not in str(error.value)
    assert not (tmp_path / "out").exists() and not list(tmp_path.glob(".out*"))


FAULTS = {
    "no such folder": (lambda p: None, "does not exist"),
    "no classes": (lambda p: p.mkdir(), "0 class folders"),
    "one class": (lambda p: _pictures(p / "a", 3), "1 class folders"),
    "one class in train": (lambda p: (_pictures(p / "train/a", 3), _pictures(p / "test/a", 3)), "1 class folders"),
    "no test": (lambda p: [_pictures(p / "train" / c, 3) for c in "ab"], "has no test/"),
    "empty class": (lambda p: (_pictures(p / "a", 3), (p / "b").mkdir()), "folder .*b has no image"),
    "class only in test": (
        lambda p: [_pictures(p / f, 3) for f in ("train/a", "train/b", "test/a", "test/b", "test/c")],
        "differ: c is in only one",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_bad_folders_are_refused_before_any_decoding(tmp_path, fault):
    make, message = FAULTS[fault]
    make(tmp_path / "set")
    with pytest.raises(UserError, match=message) as error:
        datasets.check(f"folder:{tmp_path / 'set'}")
    assert "\n" not in str(error.value)


def test_a_class_too_small_to_split_is_named(tmp_path):
    _pictures(tmp_path / "a", 5)
    _pictures(tmp_path / "b", 2)
    with pytest.raises(UserError, match="class b .* too few images to give one to test"):
        datasets.prepare(f"folder:{tmp_path}", 16, tmp_path / "out")


def test_folder_without_a_path_is_refused():
    with pytest.raises(UserError, match="names no folder"):
        datasets.check("folder:")
