"""Names for readers, from the files themselves."""

import pytest

from harness.plan import registry, titles


@pytest.mark.parametrize(
    ("folder", "name", "shown"),
    [
        ("methods", "single_path", "Single-Path NAS"),
        ("methods", "darts_minus", "DARTS-"),
        ("methods", "random_paths", "Random search with weight sharing"),
        ("spaces", "nasbench201", "NAS-Bench-201"),
        ("protocols/datasets", "mnist5k", "MNIST-5k"),
        ("methods", "Random DARTS", "Random DARTS"),  # of other people's results
        ("spaces", "file:phones.yaml", "file:phones.yaml"),
    ],
)
def test_names_for_readers(folder, name, shown):
    assert titles.title(folder, name) == shown


@pytest.mark.parametrize("folder", ["methods", "spaces", "protocols/datasets"])
def test_every_entry_has_a_name_of_its_own_that_is_no_identifier(folder):
    names = registry.names(folder)
    shown = [titles.title(folder, name) for name in names]
    assert len(set(shown)) == len(shown)
    assert [title for title in shown if "_" in title or len(title) > 40] == []


def test_a_file_that_begins_otherwise_is_shown_by_its_own_name(tmp_path, monkeypatch):
    (tmp_path / "methods").mkdir()
    texts = {"mine": "Mine: a method.", "plain": "A method.", "long": f"{'So much that it is no name' * 2}: and more."}
    for name, text in texts.items():
        (tmp_path / "methods" / f"{name}.py").write_text(f'"""{text}"""\n')
    monkeypatch.setattr(titles, "ROOT", tmp_path)
    monkeypatch.setattr(titles, "names", lambda folder: tuple(texts))
    titles.title.cache_clear()
    assert [titles.method(name) for name in texts] == ["Mine", "plain", "long"]
    titles.title.cache_clear()


def test_a_method_in_its_space():
    assert titles.of("darts", "darts") == "DARTS"
    assert titles.of("pc_darts", "darts") == "PC-DARTS in DARTS"
    assert titles.of("random_sampling", "single_path") == "random in Single-Path NAS"
