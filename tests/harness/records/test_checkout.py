"""Which commit the code runs from, in real repositories: no other commit is named, and no change goes unseen."""

import os
import shutil
import subprocess
import sys

import pytest

from harness.plan.registry import ROOT
from harness.records.checkout import OURS, commit_of, uncommitted
from tests.checkouts import ISOLATED, committed, git, write

FILES = {
    OURS: "",
    "methods/darts.py": "x = 1\n",
    "config/default.yaml": "protocol: laptop\n",
    "Snakefile": "rule all:\n",
    "README.md": "# A benchmark\n",
    ".gitignore": "__pycache__/\n/results/*\nprivate*\n",
}


@pytest.fixture(autouse=True)
def isolated(monkeypatch):
    for name, value in ISOLATED.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def checkout(tmp_path):
    folder = tmp_path / "nas"
    write(folder, FILES)
    committed(folder)
    return folder


def test_a_clean_checkout_is_its_commit(checkout, capfd):
    head = git(checkout, "rev-parse", "HEAD")
    assert len(head) == 40
    assert commit_of(checkout) == head
    os.utime(checkout / "methods/darts.py", (1, 1))
    assert commit_of(checkout) == head
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "path",
    [
        "methods/mine.py",
        "methods/mine/__init__.py",
        "spaces/mine/network.py",
        "spaces/parts/cpu/kernels.c",
        "proxies/synflow.py",
        "protocols/datasets/birds.py",
        "config/mine.yaml",
        "profiles/slurm/config.yaml",
        "methods/private.py",  # ignored by git, and a method all the same
        "methods/über.py",
        "methods/darts.py",  # there already: changed
        "Snakefile",
    ],
)
def test_new_and_changed_code_shows(checkout, path):
    head = git(checkout, "rev-parse", "HEAD")
    write(checkout, {path: "changed\n"})
    assert commit_of(checkout) == f"{head}+changes"
    assert uncommitted(checkout) == [path]
    git(checkout, "add", "--force", path)  # to stage it is not to commit it
    assert commit_of(checkout) == f"{head}+changes"
    assert uncommitted(checkout) == [path]
    git(checkout, "commit", "-qm", "now it is")
    assert commit_of(checkout) == git(checkout, "rev-parse", "HEAD") != head
    assert uncommitted(checkout) == []
    assert uncommitted(checkout, head) == [path]


def test_files_that_hold_no_code_do_not_show(checkout):
    head = git(checkout, "rev-parse", "HEAD")
    noise = [
        "results/smoke/records/a.json",
        "notes.md",
        "data/birds/1.png",
        "methods/__pycache__/darts.cpython-311.pyc",
    ]
    write(checkout, dict.fromkeys(noise, "x"))
    assert commit_of(checkout) == head
    assert uncommitted(checkout) == []


def test_deleted_and_edited_files_show_wherever_they_are(checkout):
    head = git(checkout, "rev-parse", "HEAD")
    write(checkout, {"README.md": "# Mine\n"})
    assert commit_of(checkout) == f"{head}+changes"
    git(checkout, "checkout", "README.md")
    (checkout / "methods/darts.py").unlink()
    assert commit_of(checkout) == f"{head}+changes"
    assert uncommitted(checkout) == []  # there is no file to copy


def test_a_worktree_and_a_clone_are_checkouts(checkout):
    for command in (["worktree", "add", "-q", "../tree"], ["clone", "-q", ".", "../clone"]):
        git(checkout, *command)
        assert commit_of(checkout.parent / command[-1].removeprefix("../")) == git(checkout, "rev-parse", "HEAD")


@pytest.mark.parametrize("tracked", [False, True], ids=["unpacked", "committed there"])
def test_the_commit_of_a_repository_around_the_code_is_not_named(tmp_path, tracked, capfd):
    outer = tmp_path / "outer"
    write(outer, {"notes.md": ""})
    committed(outer)
    write(outer / "nas", FILES)
    if tracked:
        committed(outer)
    assert commit_of(outer / "nas") == "unknown"
    assert uncommitted(outer / "nas") == []
    assert capfd.readouterr() == ("", "")


def test_the_commit_of_a_repository_that_does_not_hold_the_code_is_not_named(tmp_path, capfd):
    """An archive in which somebody keeps notes."""
    committed(tmp_path)
    write(tmp_path, FILES)
    assert commit_of(tmp_path) == "unknown"
    git(tmp_path, "add", "README.md")
    git(tmp_path, "commit", "-qm", "notes")
    assert commit_of(tmp_path) == "unknown"
    assert capfd.readouterr() == ("", "")


def test_a_repository_without_a_commit_is_unknown(tmp_path):
    write(tmp_path, FILES)
    git(tmp_path, "init", "-q")
    assert commit_of(tmp_path) == "unknown"


def test_a_hook_of_another_repository_does_not_lend_its_commit(checkout, tmp_path, monkeypatch):
    """git sets these variables for its hooks."""
    other = tmp_path / "other"
    write(other, FILES)
    committed(other)
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / ".git/index"))
    said = commit_of(checkout)
    monkeypatch.undo()
    assert said == git(checkout, "rev-parse", "HEAD")


def test_without_git_the_commit_is_unknown(checkout, monkeypatch, capfd):
    monkeypatch.setenv("PATH", str(checkout))
    assert commit_of(checkout) == "unknown"
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("base", ["0" * 40, "unknown", "--output=stolen"])
def test_a_commit_that_is_none_has_no_files(checkout, base):
    """It comes from records, and these may be a stranger's."""
    write(checkout, {"methods/mine.py": ""})
    assert uncommitted(checkout, base) == []
    assert not (checkout / "stolen").exists()


def test_a_checkout_that_git_cannot_read_is_reported(checkout, capfd):
    shutil.rmtree(checkout / ".git")
    (checkout / ".git").write_text("gitdir: /nowhere\n")
    assert commit_of(checkout) == "unknown"
    (line,) = capfd.readouterr().err.splitlines()
    assert str(checkout) in line and "/nowhere" in line


COPIED = ("spaces", "methods", "protocols", "proxies", "harness")


def run(folder, **environment):
    """commit() of the code in a folder, asked for twice in one process: what it prints, and its errors."""
    code = "from harness import records; print(records.commit()); print(records.environment()['commit'])"
    environment = {**os.environ, "PYTHONPATH": str(folder), **environment}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder.parent, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.split(), done.stderr


@pytest.fixture
def unpacked(tmp_path):
    """This project's code in a repository of somebody else, as a wheel lies in a virtual environment there."""
    committed(tmp_path)
    folder = tmp_path / ".venv/lib/site-packages"
    for name in COPIED:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def test_records_of_an_unpacked_archive_name_no_commit(unpacked):
    assert run(unpacked) == (["unknown"] * 2, "")


def test_a_checkout_that_git_refuses_to_read_says_so_once(unpacked):
    head = committed(unpacked)
    assert run(unpacked) == ([head] * 2, "")
    said, errors = run(unpacked, GIT_TEST_ASSUME_DIFFERENT_OWNER="1")
    assert said == ["unknown"] * 2
    (line,) = errors.splitlines()
    assert "dubious ownership" in line
    assert line.endswith(f"git config --global --add safe.directory {unpacked}")
