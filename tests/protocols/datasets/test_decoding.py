"""Files of every kind have the right pixels, or are refused: nothing is black, turned or left out without a word."""

import os
import shutil
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harness.plan import datasets
from harness.plan.datasets import named
from protocols.datasets import load
from protocols.datasets.parts import summary
from protocols.datasets.parts.decoding import Range, decoded
from protocols.datasets.parts.prepared import manifest
from protocols.datasets.parts.store import prepare
from spaces.base import UserError
from tests.protocols.datasets.pictures import pictures

RNG = np.random.default_rng(1)
GREY = RNG.integers(0, 256, (8, 8)).astype(np.uint16)
GREY[0, :2] = 0, 255  # both ends


def saved(path, array, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    (array if isinstance(array, Image.Image) else Image.fromarray(array)).save(path, **options)
    return path


def png16(path, array):
    """A PNG of 16 bits a channel and several channels, which Pillow does not write."""
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in array)
    kind = {3: 2, 4: 6}[array.shape[2]]
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", array.shape[1], array.shape[0], 16, kind, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    ]
    content = [struct.pack(">I", len(of)) + name + of + struct.pack(">I", zlib.crc32(name + of)) for name, of in chunks]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(content))
    return path


def read(path, channels=1, others=()):
    """(pixels, what was done), of a dataset that also holds the files `others`."""
    with Image.open(path) as picture:
        image, said = decoded(picture, channels, scale := Range.of([path, *others]))
    return np.asarray(image), [*scale.notes(), *said]


@pytest.mark.parametrize(
    ("kind", "values", "expected", "says"),
    [
        ("png", GREY, GREY, "values of 8 bits, divided by 1"),
        ("tif", GREY.astype(np.int32), GREY, "values of 8 bits, divided by 1"),
        ("tif", GREY * 16, GREY, "values of 12 bits, divided by 16"),
        ("png", GREY * 4, GREY, "values of 10 bits, divided by 4"),
        ("png", GREY * 257, GREY, "values of 16 bits, divided by 256"),
        ("png", GREY % 2, GREY % 2 * 255, "0 and 1 as black and white"),
        ("tif", (GREY / 255).astype(np.float32), GREY, "0 to 1, times 255"),
        ("tif", GREY.astype(np.float32), GREY, "0 to 255, rounded"),
    ],
)
def test_deep_files_are_scaled_by_one_stated_rule(kind, values, expected, says, tmp_path):
    found, said = read(saved(tmp_path / f"a.{kind}", values))
    assert (found == expected).all() and any(says in note for note in said)


def test_one_rule_holds_for_all_files_of_a_dataset(tmp_path):
    """A dark picture among brighter ones stays dark."""
    dark, bright = saved(tmp_path / "a.png", GREY), saved(tmp_path / "b.png", GREY * 257)
    assert (read(dark, others=[bright])[0] == GREY >> 8).all()


@pytest.mark.parametrize("channels", [3, 4])
def test_colours_of_16_bits_that_hold_8(channels, tmp_path):
    values = RNG.integers(0, 256, (8, 8, channels)).astype(np.uint16)
    values[..., 3:] = 255
    found, said = read(png16(tmp_path / "a.png", values), 3)
    assert (found == values[..., :3]).all() and "values of 8 bits" in said[0]
    assert (read(png16(tmp_path / "b.png", values * 256), 3)[0] == values[..., :3]).all()


@pytest.mark.parametrize(
    "values",
    [GREY.astype(np.int32) - 5, GREY.astype(np.int32) * 1000, GREY.astype(np.float32) - 0.5, GREY * np.float32("nan")],
)
def test_values_that_no_rule_knows_are_refused(values, tmp_path):
    with pytest.raises(UserError, match=r"a\.tif has values from .*save it with 8 bits"):
        Range.of([saved(tmp_path / "a.tif", values)])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_stand_as_the_camera_says(orientation, tmp_path):
    upright = Image.fromarray(RNG.integers(0, 256, (6, 9, 3), dtype=np.uint8))
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # of Image.Transpose, what the camera did
    stored = upright.transpose(Image.Transpose(undo[orientation])) if orientation in undo else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    found, said = read(saved(tmp_path / "a.png", stored, exif=exif), 3)
    assert (found == np.asarray(upright)).all() and ("turned as the camera says" in said) == (orientation > 1)


def drawing(colour, alpha=True):
    picture = np.zeros((8, 8, 4), np.uint8)
    picture[..., :3], picture[2:5, 2:6, 3] = colour, 255
    picture[..., 3] |= 255 * (not alpha)
    return Image.fromarray(picture)


@pytest.mark.parametrize(
    ("picture", "expected", "says"),
    [
        (drawing(0), (255, 0), "transparency over white"),
        (drawing(255), (0, 255), "transparency over black"),
        (drawing(90), (255, 90), "transparency over white"),
        (drawing(90, alpha=False), (90, 90), "a single colour"),
        (drawing(0).convert("LA"), (255, 0), "transparency over white"),
        (drawing(0).convert("PA"), (255, 0), "transparency over white"),
    ],
)
def test_transparency_lies_over_white_or_where_that_hides_the_picture_over_black(picture, expected, says, tmp_path):
    found, said = read(saved(tmp_path / ("a.tif" if picture.mode == "PA" else "a.png"), picture) if picture.mode != "PA"
                       else saved(tmp_path / "a.png", drawing(0)), 3)  # fmt: skip
    assert (found[0, 0] == expected[0]).all() and (found[3, 3] == expected[1]).all() and says in said


def test_a_transparent_colour_of_a_palette(tmp_path):
    picture = Image.fromarray(np.repeat([[0, 1]], 8, axis=0).astype(np.uint8), "P")
    picture.putpalette([9, 9, 9, 40, 50, 60])
    found, said = read(saved(tmp_path / "a.gif", picture, transparency=0), 3)
    assert found[0].tolist() == [[255, 255, 255], [40, 50, 60]] and "transparency over white" in said


def folder(path):
    for name in ("cat", "dog"):
        pictures(path / name, 5, side=8)
    return path


def facts(path, out="out"):
    prepare(named(f"folder:{path}"), 8, path.parent / out)
    return manifest(path.parent / out)


@pytest.mark.parametrize("called", ["val", "valid", "validation", "dev", "Validation"])
def test_the_usual_names_of_val(called, tmp_path):
    for split, number in (("train", 4), (called, 2), ("test", 1)):
        for name in ("a", "b"):
            pictures(tmp_path / "set" / split / name, number)
    assert facts(tmp_path / "set")["counts"] == {"train": [4, 4], "val": [2, 2], "test": [1, 1]}


def test_two_folders_of_one_split_are_refused(tmp_path):
    for split in ("train", "val", "dev", "test"):
        for name in ("a", "b"):
            pictures(tmp_path / split / name, 2)
    with pytest.raises(UserError, match="dev/ and val/, both val: put them together"):
        named(f"folder:{tmp_path}")


def test_every_file_is_read_or_named(tmp_path):
    folder(tmp_path / "set")
    for i, suffix in enumerate(("jfif", "avif", "webp", "tga", "JPG", "mpo")):
        kind = {"jfif": "jpeg", "JPG": "jpeg", "mpo": "jpeg"}.get(suffix)
        saved(
            tmp_path / "set/cat/more/deep" / f"{i}.{suffix}",
            RNG.integers(0, 256, (8, 8, 3), dtype=np.uint8),
            format=kind,
        )
    (tmp_path / "set/notes.txt").write_text("mine")
    (tmp_path / "set/dog/Thumbs.db").write_bytes(b"")
    saved(tmp_path / "set/beside.png", GREY.astype(np.uint8))
    found = facts(tmp_path / "set")
    assert sum(map(sum, found["counts"].values())) == 16
    notes = "\n".join(found["notes"])
    assert "in subfolders of a class, read as the class's: 6 files (cat/more/deep/" in notes
    assert "left out, no images by their names: 2 files (notes.txt, dog/Thumbs.db)" in notes
    assert "left out, in no folder of a class: 1 file (beside.png)" in notes
    (tmp_path / "set/dog/phone.heic").write_bytes(b"\0\0\0\x18ftypheic")
    with pytest.raises(
        UserError, match=r"cannot decode .*phone\.heic \(no image by its content\): replace or remove them; PNG"
    ):
        facts(tmp_path / "set")


def cut(path):
    saved(path, RNG.integers(0, 256, (40, 40, 3), dtype=np.uint8))
    path.write_bytes(path.read_bytes()[:900])


BAD = {
    "cut off": (cut, "image file is truncated"),
    "empty": (lambda path: path.write_bytes(b""), "an empty file"),
    "a page": (lambda path: path.write_text("<html>404</html>"), "no image by its content"),
    "a link to nothing": (lambda path: path.symlink_to("nowhere.jpg"), "No such file or directory"),
    "a folder's link": (lambda path: path.symlink_to(path.name), "Too many levels of symbolic links"),
    "200 million pixels": (lambda path: saved(path, Image.new("L", (20000, 10000)), format="PNG"), "exceeds limit"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_file_that_cannot_be_decoded_is_named_with_the_reason(kind, tmp_path):
    make, says = BAD[kind]
    make(folder(tmp_path / "set") / "cat/bad.jpg")
    with pytest.raises(
        UserError, match=rf"cannot decode .*cat/bad\.jpg \(.*{says}.*\): replace or remove them"
    ) as error:
        facts(tmp_path / "set")
    assert "\n" not in str(error.value) and not (tmp_path / "out").exists()


def test_what_pillow_warns_of_is_said(tmp_path, recwarn):
    path = saved(folder(tmp_path / "set") / "cat/a.jpg", RNG.integers(0, 256, (8, 8, 3), dtype=np.uint8))
    content = path.read_bytes()
    path.write_bytes(content[:2] + b"\xff\xe1\x00\x10Exif\x00\x00MM\x00*\xff\xff\xff\xff" + content[2:])
    assert "Pillow warns: Corrupt EXIF data: 1 image (cat/a.jpg)" in facts(tmp_path / "set")["notes"]
    assert not recwarn.list


def test_links_to_nothing_and_folders_of_systems_are_no_data(tmp_path):
    path = folder(tmp_path / "set")
    (path / "README").symlink_to("nowhere")
    for name in ("__MACOSX/cat", "@eaDir", "$RECYCLE.BIN", "lost+found", ".ipynb_checkpoints", "dog/__MACOSX"):
        pictures(path / name, 1)
    found = facts(path)
    assert found["classes"] == ["cat", "dog"] and sum(map(sum, found["counts"].values())) == 10
    assert found["notes"] == ["left out, no images by their names: 1 file (README)"]


def test_a_name_that_is_no_text(tmp_path):
    path = folder(tmp_path / "set")
    os.rename(path / "cat/image_00001.png", os.fsencode(path / "cat") + b"/caf\xe9.png")
    facts(path)
    assert "caf\\udce9.png" in (tmp_path / "out/splits.csv").read_text(encoding="utf-8")
    os.rename(path / "dog/image_00001.png", os.fsencode(path / "dog") + b"/caf\xe9.png")
    shutil.copy(path / "dog/image_00002.png", os.fsencode(path / "cat") + b"/b\xff.png")
    assert "b\\udcff.png" in "".join(summary.lines(facts(path)))


def test_the_same_file_in_two_splits_and_two_classes_is_reported(tmp_path):
    for split in ("train", "val", "test"):
        for name in ("a", "b"):
            pictures(tmp_path / "set" / split / name, 2)
    shutil.copy(tmp_path / "set/train/a/image_00001.png", tmp_path / "set/test/b/copy.png")
    notes = facts(tmp_path / "set")["notes"]
    assert "the same file in two splits: 1 (such as train a/image_00001.png = test b/copy.png)" in notes
    assert "the same file in two classes: 1 (such as train a/image_00001.png = test b/copy.png)" in notes


def test_a_summary_and_a_contact_sheet(tmp_path):
    path = folder(tmp_path / "set")
    said = summary.lines(facts(path))
    assert said[0] == "10 images of 8x8 pixels, 2 classes"
    assert [line.split() for line in said[1:5]] == [
        ["class", "train", "val", "test"], ["cat", "2", "2", "1"], ["dog", "2", "2", "1"], ["all", "4", "4", "2"]
    ]  # fmt: skip
    sheet = np.asarray(Image.open(tmp_path / "out" / summary.SHEET))
    first = load(tmp_path / "out").train.images[0].permute(1, 2, 0).numpy()
    assert (sheet[2, summary.LABEL + 2] == first[0, 0]).all() and len(np.unique(sheet)) > 50


def test_a_named_folder_is_the_same_wherever_it_lies(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets, "_FOLDERS", {})
    monkeypatch.setenv("HOME", str(tmp_path))
    folder(tmp_path / "one")
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    digests = []
    for place in ("~/one/", str(tmp_path / "two")):
        datasets.know("birds", Path(place))
        prepare(named("birds"), 8, tmp_path / "out")
        digests.append(manifest(tmp_path / "out")["sha256"])
        assert str(tmp_path) not in (tmp_path / "out/manifest.json").read_text()
    assert digests[0] == digests[1]
    prepare(named(f"folder:{tmp_path / 'one'}"), 8, tmp_path / "other")
    assert manifest(tmp_path / "other")["sha256"] != digests[0]  # its split comes from another seed
    for taken in ("digits", "a/b", ""):
        with pytest.raises(UserError, match="is taken or no name"):
            datasets.know(taken, tmp_path / "one")


def test_exchanged_images_are_noticed(tmp_path):
    path = folder(tmp_path / "set")
    facts(path)
    name = f"folder:{path}"
    assert not datasets.changed(name, tmp_path / "out", tmp_path)
    (path / "cat/image_00001.png").replace(path / "dog/other.png")
    assert datasets.changed(name, tmp_path / "out", tmp_path)


def test_slashes_behind_a_folder_make_no_other_dataset(tmp_path):
    assert datasets.same(f"folder:{tmp_path}//") == named(f"folder:{tmp_path}/" if folder(tmp_path) else "").name
