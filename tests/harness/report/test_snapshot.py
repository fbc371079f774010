"""Published snapshots hold all that is needed, stay as they are, and come out of their records again."""

import contextlib
import shutil
import subprocess

import pytest

from harness.__main__ import main
from harness.plan import registry
from harness.records import sums
from harness.report import snapshot
from spaces.base import UserError
from tests import synthetic_records as synthetic


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    root = tmp_path_factory.mktemp("snapshot")
    synthetic.make(root / "results/laptop/records")
    with contextlib.chdir(root):
        snapshot.publish("first", root / "results/laptop/records", registry.ROOT / "config/default.yaml")
    return root


@pytest.fixture
def published(once, tmp_path, monkeypatch):
    shutil.copytree(once, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return snapshot.PUBLISHED / "first"


def test_a_snapshot_is_whole_and_verifies(published):
    for name in ("tables/relative_improvement.csv", "figures/ri.png", "config.yaml", "environment.txt", sums.NAME):
        assert (published / name).stat().st_size
    assert "torch==" in (published / "environment.txt").read_text()
    assert snapshot.verify(published) >= 10
    assert not list(published.parent.glob(".*"))


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
    assert main(["rebuild", str(published)]) == 0
    assert _lines(published) == before
    assert snapshot.verify(published) >= 10


def test_a_citation_names_the_records_whatever_becomes_of_the_views(published, capsys):
    assert main(["verify", str(published)]) == 0
    said = capsys.readouterr().out.splitlines()[-1]
    assert said.startswith("cite as: NAS against random ")
    assert "snapshot first, protocol laptop-1, commit 0123456789ab, records " in said
    command = f"grep ' records/' {published / sums.NAME} | sha256sum"
    printed = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True).stdout
    assert said.endswith(f" records {printed[:12]}.")
    (published / "tables/costs.csv").write_text("old\n")
    snapshot.rebuild(published)
    assert f"cite as: {snapshot.citation(published)}" == said


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


@pytest.mark.parametrize("folder", sorted((registry.ROOT / "results/published").glob("*/")), ids=lambda path: path.name)
def test_what_this_repository_publishes_verifies(folder):
    assert snapshot.verify(folder) >= 10
