"""Published snapshots hold all that is needed, stay as they are, and come out of their records again."""

import contextlib
import json
import os
import shutil
import subprocess
import sys

import pytest

from harness import records
from harness.__main__ import main
from harness.plan import registry
from harness.records import sums
from harness.report import snapshot
from spaces.base import UserError
from tests import synthetic_records as synthetic
from tests.checkouts import ISOLATED, committed, git, write


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    root = tmp_path_factory.mktemp("snapshot")
    synthetic.make(root / "results/laptop/records", ("digits",))
    with contextlib.chdir(root):
        snapshot.publish("first", root / "results/laptop/records", registry.ROOT / "config/default.yaml")
    return root


@pytest.fixture
def published(once, tmp_path, monkeypatch):
    shutil.copytree(once, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return snapshot.PUBLISHED / "first"


def test_a_snapshot_is_never_overwritten(published):
    with pytest.raises(UserError, match="exists: what is published stays"):
        snapshot.publish("first", published / "records", None)


def test_a_folder_without_records_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="no records in"):
        snapshot.publish("first", tmp_path, None)


def test_an_edited_table_is_found(published):
    path = published / "tables/costs.csv"
    path.write_text(path.read_text().replace("0", "1", 1))
    with pytest.raises(UserError, match="costs.csv is missing or was changed"):
        snapshot.verify(published)


def test_a_table_that_its_records_do_not_give_is_found(published):
    """Also where the checksums were made to fit."""
    path = published / "tables/costs.csv"
    path.write_text(path.read_text().replace("0", "1", 1))
    sums.write(published, [path for path in published.rglob("*") if path.is_file() and path != published / sums.NAME])
    with pytest.raises(UserError, match=f"costs.csv is not what its records give.*harness rebuild {published}"):
        snapshot.verify(published)


def _lines(folder):
    return dict(line.split("  ")[::-1] for line in (folder / sums.NAME).read_text().splitlines())


def test_views_are_made_anew_and_nothing_else_moves(published):
    """As where the tables' code has changed since: one table then did not exist, another said something else."""
    before = _lines(published)
    (published / "tables/verdicts.csv").unlink()
    (published / "tables/costs.csv").write_text("old\n")
    sums.write(published, [path for path in published.rglob("*") if path.is_file() and path != published / sums.NAME])
    cited = snapshot.citation(published)
    assert main(["rebuild", str(published)]) == 0
    assert _lines(published) == before
    assert snapshot.citation(published) == cited


def test_a_snapshot_is_whole_and_verifies_with_a_citation_that_names_its_records(published, capsys):
    for name in ("tables/relative_improvement.csv", "figures/ri.png", "config.yaml", "environment.txt", sums.NAME):
        assert (published / name).stat().st_size
    assert "torch==" in (published / "environment.txt").read_text()
    assert not list(published.parent.glob(".*"))
    assert main(["verify", str(published)]) == 0
    said = capsys.readouterr().out.splitlines()[-1]
    assert said.startswith("cite as: NAS against random ")
    assert "snapshot first, protocol laptop-1, commit 0123456789ab, records " in said
    command = f"grep ' records/' {published / sums.NAME} | sha256sum"
    printed = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True).stdout
    assert said.endswith(f" records {printed[:12]}.")


def test_no_view_is_made_of_records_that_were_not_published(published):
    record = published / "records/digits/darts/darts/train-0-cells8-repeat0.json"
    strange = record.with_name("train-9-cells8-repeat0.json")
    strange.write_bytes(record.read_bytes())
    with pytest.raises(UserError, match="train-9-cells8-repeat0.json was not published"):
        snapshot.rebuild(published)
    strange.unlink()
    record.write_text(record.read_text().replace("0.9", "0.8", 1))
    with pytest.raises(UserError, match="train-0-cells8-repeat0.json is missing or was changed"):
        snapshot.rebuild(published)


def test_a_folder_without_sums_is_no_snapshot(tmp_path):
    for command in (snapshot.verify, snapshot.rebuild):
        with pytest.raises(UserError, match="not a published snapshot"):
            command(tmp_path)


COPIED = ("spaces", "methods", "protocols", "proxies", "harness", "config", "pyproject.toml")


@pytest.fixture(scope="module")
def origin(tmp_path_factory):
    """This project's code, committed."""
    folder = tmp_path_factory.mktemp("origin")
    for name in COPIED:
        source = registry.ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder)
    write(folder, {".gitignore": "__pycache__/\n/results/*\n!/results/published/\n"})
    committed(folder)
    return folder


@pytest.fixture(scope="module")
def added(origin, tmp_path_factory):
    """A clone whose benchmark ran with a new method, which was committed later; and with more that is in no commit. Its
    snapshot, and what `publish` said."""
    clone = tmp_path_factory.mktemp("clones") / "clone"
    git(origin, "clone", "--quiet", ".", str(clone))
    synthetic.make(clone / "results/laptop/records", ("digits",), seeds=1, baseline=2)
    for path in (clone / "results/laptop/records").rglob("*.json"):
        record = records.read(path)
        record["environment"]["commit"] = git(clone, "rev-parse", "HEAD") + "+changes"
        records.write(path, record)
    write(clone, {"methods/mine.py": "x = 1\n"})
    committed(clone)
    write(clone, {"spaces/mine/space.py": "y = 2\n", "config/mine.yaml": "protocol: laptop\n"})
    with open(clone / "methods/random_sampling.py", "a", encoding="utf-8") as file:
        file.write("Z = 3\n")
    write(clone, {"notes.md": "", "results/a.csv": "", "results/laptop/recheck.json": '{"replays": []}'})
    command = [sys.executable, "-m", "harness", "publish", "first", "--records", "results/laptop/records/digits/fbnet"]
    environment = {**os.environ, **ISOLATED, "PYTHONPATH": str(clone)}
    done = subprocess.run(command, cwd=clone, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return clone / snapshot.PUBLISHED / "first", done.stdout


def test_code_that_is_in_no_commit_is_published_and_named(added):
    folder, said = added
    copied = ["config/mine.yaml", "methods/mine.py", "methods/random_sampling.py", "spaces/mine/space.py"]
    assert f"copied to results/published/first/code: {', '.join(copied)}\n" in said
    assert snapshot.copied_code(folder) == copied
    for path in copied:
        assert (folder / "code" / path).read_bytes() == (folder.parents[2] / path).read_bytes()
    assert json.loads((folder / "recheck.json").read_text()) == {"replays": []}
    assert {"recheck.json", *(f"code/{path}" for path in copied)} <= set(sums.read(folder))
    """Runs and tables."""
    assert main(["verify", str(folder)]) == 0


@pytest.mark.parametrize("harm", ["edited", "deleted", "added"])
def test_published_code_that_was_touched_is_found(added, harm, tmp_path):
    folder = tmp_path / "first"
    shutil.copytree(added[0], folder)
    path = folder / "code/methods" / ("new.py" if harm == "added" else "mine.py")
    if harm == "deleted":
        path.unlink()
    else:
        path.write_text("x = 3\n")
    for command in (snapshot.verify, snapshot.rebuild):
        with pytest.raises(UserError, match=f"code/methods/{path.name} (is missing or was changed|was not published)"):
            command(folder)


@pytest.mark.parametrize("folder", sorted((registry.ROOT / "results/published").glob("*/")), ids=lambda path: path.name)
def test_what_this_repository_publishes_verifies(folder):
    """Runs and tables."""
    assert main(["verify", str(folder)]) == 0
