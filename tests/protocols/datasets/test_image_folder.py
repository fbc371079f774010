"""Image folders, with a name and as `folder:PATH`: layouts, splits, and what is refused before any decoding."""

import cProfile
import pstats
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harness.plan.datasets import named
from protocols.datasets import load
from protocols.datasets.parts.folders import class_names, left_out
from protocols.datasets.parts.store import prepare
from spaces.base import UserError
from tests.protocols.datasets.pictures import pictures


def test_sport8_is_cut_40_40_20_and_stored_with_a_margin(tmp_path):
    for i in range(8):
        pictures(tmp_path / "sport8" / f"sport{i}", 5, side=20)
    prepare(named("sport8"), 112, tmp_path / "out", tmp_path)
    data = load(tmp_path / "out")
    assert data.train.images.shape == (16, 3, 128, 128) and data.image == 112
    assert [s.labels.bincount().tolist() for s in (data.train, data.val, data.test)] == [[2] * 8, [2] * 8, [1] * 8]
    (tmp_path / "sport8" / "sport7").rename(tmp_path / "sport7")
    with pytest.raises(UserError, match="has 7 class folders, sport8 has 8"):
        named("sport8").check(tmp_path)


def test_folder_with_splits_halves_train_by_class(tmp_path):
    for name in ("cat", "dog"):
        pictures(tmp_path / "train" / name, 8)
        pictures(tmp_path / "test" / name, 3, suffix="jpg")
    prepare(named(f"folder:{tmp_path}"), 16, tmp_path / "out")
    data = load(tmp_path / "out")
    assert [s.labels.bincount().tolist() for s in (data.train, data.val, data.test)] == [[4, 4], [4, 4], [3, 3]]
    assert data.classes == ("cat", "dog") and data.inputs == 3 and named(f"folder:{tmp_path}").classes == 2
    first = (tmp_path / "out" / "splits.csv").read_text().splitlines()[1].split(",")
    picture = Image.open(first[1]).convert("RGB").resize((32, 16), Image.Resampling.BILINEAR).crop((8, 0, 24, 16))
    assert (data.train.images[0].permute(1, 2, 0).numpy() == np.asarray(picture)).all()


def test_folder_val_is_used_if_given_and_the_digest_does_not_depend_on_the_path(tmp_path):
    for split, number in (("train", 4), ("val", 2), ("test", 1)):
        for name in ("a", "b"):
            pictures(tmp_path / "one" / split / name, number)
    prepare(named(f"folder:{tmp_path / 'one'}"), 16, tmp_path / "out1")
    (tmp_path / "one").rename(tmp_path / "two")
    prepare(named(f"folder:{tmp_path / 'two'}"), 16, tmp_path / "out2")
    one, two = load(tmp_path / "out1"), load(tmp_path / "out2")
    assert one.sha256 == two.sha256 and [len(s.labels) for s in (one.train, one.val, one.test)] == [8, 4, 2]


FAULTS = {
    "no such folder": (lambda p: None, "does not exist"),
    "no classes": (lambda p: p.mkdir(), "0 class folders"),
    "one class": (lambda p: pictures(p / "a", 3), "1 class folders"),
    "one class in train": (lambda p: (pictures(p / "train/a", 3), pictures(p / "test/a", 3)), "1 class folders"),
    "a folder around it": (
        lambda p: [pictures(p / "archive/data" / c, 3) for c in "ab"],
        "has 1 class folders.*did you mean .*set/archive/data",
    ),
    "an archive": (lambda p: p.write_bytes(b"PK"), "set is a file, and an image folder is needed, so unpack"),
    "no labels in test": (
        lambda p: (pictures(p / "train/a", 3), pictures(p / "train/b", 3), pictures(p / "test", 3)),
        "test has no class folders, so no image of it has a label.* folder:.*train is split by itself",
    ),
    "splits under other names": (
        lambda p: [pictures(p / s / s / c, 3) for s in ("seg_train", "seg_test") for c in "ab"],
        "has seg_train/ and seg_test/, which look like splits: call them train/ and test/",
    ),
    "splits without classes": (
        lambda p: (pictures(p / "Training Set", 3), pictures(p / "test1", 3)),
        "has Training Set/ and test1/, which look like splits",
    ),
    "no test": (lambda p: [pictures(p / "train" / c, 3) for c in "ab"], "has no test/"),
    "empty class": (lambda p: (pictures(p / "a", 3), (p / "b").mkdir()), "folder .*b has no image"),
    "class only in test": (
        lambda p: [pictures(p / f, 3) for f in ("train/a", "train/b", "test/a", "test/b", "test/c")],
        "differ: c is in only one",
    ),
}


def test_a_class_may_be_called_train(tmp_path):
    for name in ("bus", "train", "tram"):
        pictures(tmp_path / name, 5)
    assert class_names(tmp_path) == ("bus", "train", "tram")


@pytest.mark.parametrize("fault", FAULTS)
def test_bad_folders_are_refused_before_any_decoding(tmp_path, fault):
    make, message = FAULTS[fault]
    make(tmp_path / "set")
    with pytest.raises(UserError, match=message) as error:
        named(f"folder:{tmp_path / 'set'}").check(Path("data"))
    assert "\n" not in str(error.value)


def test_a_class_too_small_to_split_is_named(tmp_path):
    pictures(tmp_path / "a", 5)
    pictures(tmp_path / "b", 2)
    with pytest.raises(UserError, match="class b .* too few images to give one to test"):
        prepare(named(f"folder:{tmp_path}"), 16, tmp_path / "out")


def test_folder_without_a_path_is_refused():
    with pytest.raises(UserError, match="names no folder"):
        named("folder:")


def test_looking_at_a_folder_costs_in_proportion_to_its_files(tmp_path):
    def calls(images):
        for i in range(images):
            (tmp_path / f"{images}/{'ab'[i % 2]}").mkdir(parents=True, exist_ok=True)
            (tmp_path / f"{images}/{'ab'[i % 2]}/{i}.png").touch()
        with cProfile.Profile() as profile:
            left_out(tmp_path / str(images))
        return pstats.Stats(profile).total_calls

    few, more, most = calls(100), calls(200), calls(400)
    assert most - more < 2.5 * (more - few)  # 2 in proportion, 4 if quadratic
