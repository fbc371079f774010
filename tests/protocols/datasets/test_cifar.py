"""CIFAR in its two published versions, written tiny by the tests themselves, and files that lie, break or attack."""

import os
import pickle

import numpy as np
import pytest

from harness.plan.datasets import named
from protocols.datasets import load
from protocols.datasets.parts.store import prepare
from spaces.base import UserError

RNG = np.random.default_rng(0)


def write(root, folder, files, size=20, label="labels", classes=10, protocol=2):
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
    written = write(tmp_path, "cifar-10-batches-py", BATCHES, protocol=protocol)
    prepare(named("cifar10"), 32, tmp_path / "out", tmp_path)
    data = load(tmp_path / "out")
    train = np.concatenate([d for d, _ in written[:5]]).reshape(-1, 3, 32, 32)
    assert (data.train.images.numpy() == train[:50]).all() and (data.val.images.numpy() == train[50:]).all()
    assert (data.test.images.numpy() == written[5][0].reshape(-1, 3, 32, 32)).all()
    assert data.test.labels.tolist() == written[5][1] and data.classes[3] == "cat"


def test_cifar10_written_by_python_2(tmp_path):
    """Strings of protocol 2 without an encoding, and numpy under its old name, as in the published files."""
    write(tmp_path, "cifar-10-batches-py", BATCHES)
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
    prepare(named("cifar10"), 32, tmp_path / "out", tmp_path)
    data = load(tmp_path / "out")
    assert data.test.images.flatten()[:5].tolist() == [0, 1, 2, 3, 4] and data.test.labels.tolist() == list(range(10))


def test_cifar10_binary_version_equals_the_python_version(tmp_path):
    written = write(tmp_path / "py", "cifar-10-batches-py", BATCHES)
    folder = tmp_path / "bin" / "cifar-10-batches-bin"
    folder.mkdir(parents=True)
    for name, (data, labels) in zip(BATCHES, written):
        records = np.concatenate([np.array(labels, np.uint8)[:, None], data], 1)
        (folder / f"{name}.bin").write_bytes(records.tobytes())
    for form in ("py", "bin"):
        prepare(named("cifar10"), 32, tmp_path / f"{form}.out", tmp_path / form)
    assert load(tmp_path / "py.out").sha256 == load(tmp_path / "bin.out").sha256
    (folder / "data_batch_3.bin").write_bytes(records.tobytes()[:-1])
    with pytest.raises(UserError, match="data_batch_3.bin is truncated"):
        prepare(named("cifar10"), 32, tmp_path / "out", tmp_path / "bin")


def test_cifar100_both_versions_use_fine_labels(tmp_path):
    written = write(tmp_path / "py", "cifar-100-python", ["train", "test"], 200, "fine_labels", 100)
    folder = tmp_path / "bin" / "cifar-100-binary"
    folder.mkdir(parents=True)
    for name, (data, labels) in zip(("train", "test"), written):
        coarse_fine = np.stack([np.zeros(200), labels], 1).astype(np.uint8)
        (folder / f"{name}.bin").write_bytes(np.concatenate([coarse_fine, data], 1).tobytes())
    for form in ("py", "bin"):
        prepare(named("cifar100"), 32, tmp_path / f"{form}.out", tmp_path / form)
    data = load(tmp_path / "py.out")
    assert data.sha256 == load(tmp_path / "bin.out").sha256
    assert len(data.classes) == 100 and data.test.labels.tolist() == written[1][1]


def test_a_pickle_that_runs_code_is_refused(tmp_path):
    class Attack:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path / 'owned'}",)

    write(tmp_path, "cifar-10-batches-py", BATCHES)
    for payload in (Attack(), {b"data": Attack(), b"labels": []}):
        (tmp_path / "cifar-10-batches-py" / "data_batch_2").write_bytes(pickle.dumps(payload, 2))
        with pytest.raises(UserError, match="data_batch_2.*(posix|nt).system"):
            prepare(named("cifar10"), 32, tmp_path / "out", tmp_path)
    for name in (
        b"cbuiltins\neval\n",
        b"cnumpy\nload\n",
        b"cnumpy._core.multiarray\nfromfile\n",
        b"cbuiltins\ngetattr\n",
    ):
        (tmp_path / "cifar-10-batches-py" / "data_batch_2").write_bytes(name + b"(U\x031+1tR.")
        with pytest.raises(UserError, match="it refers to"):
            prepare(named("cifar10"), 32, tmp_path / "out", tmp_path)
    assert not (tmp_path / "owned").exists() and not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", [b"", b"\x80\x02}", pickle.dumps([1]), pickle.dumps({b"data": 3})])
def test_a_broken_cifar_batch_is_named(tmp_path, content):
    write(tmp_path, "cifar-10-batches-py", BATCHES)
    (tmp_path / "cifar-10-batches-py" / "data_batch_4").write_bytes(content)
    with pytest.raises(UserError, match="data_batch_4.*again"):
        prepare(named("cifar10"), 32, tmp_path / "out", tmp_path)


def test_a_label_out_of_range_is_refused(tmp_path):
    write(tmp_path, "cifar-10-batches-py", BATCHES, classes=11)
    with pytest.raises(UserError, match="labels 0 to 10, but there are 10 classes"):
        prepare(named("cifar10"), 32, tmp_path / "out", tmp_path)
