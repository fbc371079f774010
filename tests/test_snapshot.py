"""Published snapshots hold all that is needed, stay as they are, and come out of their records again."""

import pytest
import synthetic_records as synthetic

from harness import registry, snapshot, sums
from spaces.base import UserError


@pytest.fixture
def published(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    synthetic.make(tmp_path / "results/laptop/records")
    config = registry.ROOT / "config/default.yaml"
    return snapshot.publish("first", tmp_path / "results/laptop/records", config)


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
    with pytest.raises(UserError, match="costs.csv is not what its records give"):
        snapshot.verify(published)


def test_a_folder_without_sums_is_no_snapshot(tmp_path):
    with pytest.raises(UserError, match="not a published snapshot"):
        snapshot.verify(tmp_path)


@pytest.mark.parametrize("folder", sorted((registry.ROOT / "results/published").glob("*/")), ids=lambda path: path.name)
def test_what_this_repository_publishes_verifies(folder):
    assert snapshot.verify(folder) >= 10
