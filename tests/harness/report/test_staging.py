"""A new set of tables takes the place of the older one, whole or not at all."""

from pathlib import Path

import pytest

from harness.report.build import _of_another_space, build
from harness.report.staging import staged
from spaces.base import UserError
from tests.harness.analysis.test_csv_forms import PLAIN, write


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_fails_half_way_leaves_the_older_set_as_it_was(tmp_path, monkeypatch):
    """The tables are written when the figures fail."""
    (tmp_path / "out/figures").mkdir(parents=True)
    for name in ("methods.md", "mine.txt", "figures/ri.svg"):
        (tmp_path / "out" / name).write_text("old")
    before = contents(tmp_path / "out")
    monkeypatch.setattr("harness.report.build.draw_figures", lambda *_: 1 / 0)
    for out in ("out", "new"):
        with pytest.raises(ZeroDivisionError):
            build(write(tmp_path / "r.csv", PLAIN), tmp_path / out)
    assert contents(tmp_path / "out") == before and not (tmp_path / "new").exists()


def test_a_new_set_takes_the_place_of_the_older_one(tmp_path):
    out, figures = tmp_path / "out", tmp_path / "elsewhere/figures"
    for stale in (False, True):
        with staged(out, figures, stale=lambda path: path.suffix == ".svg") as new:
            for place, name in zip(new, ("a.md", "found_new.svg" if stale else "found_old.svg")):
                (place / name).write_text(str(stale))
        (out / "mine.txt").write_text("mine")
    assert contents(out) == {"a.md": b"True", "mine.txt": b"mine"} and contents(figures) == {"found_new.svg": b"True"}
    assert _of_another_space(Path("architectures_old.svg")) and not _of_another_space(Path("ri.svg"))
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write .*file"), staged(tmp_path / "file", stale=bool):
        pass
