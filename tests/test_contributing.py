"""The examples of docs/extending.md and docs/using.md, done as they stand in a copy of the checkout: the files
written, the patches applied, the commands typed. Each command ends well and its output holds what was asked for."""

import csv
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness import records
from harness.plan import registry
from tests.pages import fences, section, tables, text

COPIED = (
    "spaces",
    "methods",
    "protocols",
    "proxies",
    "harness",
    "config",
    "profiles",
    "tests/test_conformance.py",
    "tests/protocols",
)
COPIED += ("Snakefile", "pyproject.toml", "environment.yaml")


@pytest.fixture
def checkout(tmp_path):
    for name in COPIED:
        source, copy = registry.ROOT / name, tmp_path / name
        if source.is_dir():
            shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            copy.parent.mkdir(exist_ok=True)
            shutil.copy(source, copy)
    return tmp_path


def shell(command, folder):
    """Ends the test with the command's own words where it fails."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(["bash", "-euc", command], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def follow(page, heading, folder):
    """What a reader of one section does, in the order of the page; the output of its commands."""
    said = ""
    for fence in fences(section(text(page), heading)):
        if fence.language == "bash":
            said += shell(fence.code, folder)
        elif fence.language == "diff":
            (folder / "patch").write_text(fence.code, encoding="utf-8")
            shell("git apply patch", folder)
        else:
            (folder / fence.file).write_text(fence.code, encoding="utf-8")
    return said


def done(folder, protocol, job):
    """The record of a job, which has ended well."""
    record = records.read(folder / "results" / protocol / "records" / f"{job}.json")
    assert record["status"] == "done", record.get("reason")
    return record


def test_a_method(checkout):
    said = follow("docs/extending.md", "A method", checkout)
    search = done(checkout, "smoke", "digits/darts/best_path/search-0")
    training = done(checkout, "smoke", "digits/darts/best_path/train-0-cells3-repeat0")
    assert training["arch"] == search["arch"]
    assert len(search["curves"]["loss"]) == registry.protocol("smoke").default.budget.epochs
    assert "results/smoke/records/digits/darts/random_sampling/search-1.json" in said  # one of the benchmark's jobs
    assert "passed" in said


@pytest.mark.slow
def test_a_method_that_evaluates(checkout):
    shell("python -m harness data --dataset digits --image 8", checkout)
    said = follow("docs/extending.md", "A method that evaluates", checkout)
    search = done(checkout, "smoke", "digits/nasbench201/hill_climbing/search-0")
    assert search["result"]["evaluations"] == 4
    assert "passed" in said


def test_a_space(checkout):
    said = follow("docs/extending.md", "A space", checkout)
    search = done(checkout, "smoke", "digits/six_layers/darts/search-0")
    training = done(checkout, "smoke", "digits/six_layers/darts/train-0-cells3-repeat0")
    assert training["arch"] == search["arch"]
    assert len(search["arch"].split(",")) == 6
    assert "passed" in said


FINGERPRINT = """python -c "
from harness.plan.jobs import Search
print(Search('smoke', 'digits', 'fbnet', 'random_sampling', 0).fingerprint())"
"""


def test_a_dataset(checkout):
    before = shell(FINGERPRINT, checkout)
    said = follow("docs/extending.md", "A dataset", checkout)
    assert shell(FINGERPRINT, checkout) == before  # records of another dataset stay valid
    assert "results/smoke/records/ramps/darts/darts/search-0.json" in said  # one of the benchmark's jobs
    assert "passed" in said
    training = done(checkout, "smoke", "ramps/fbnet/random_sampling/train-0-cells3-repeat0")
    epochs = registry.protocol("smoke").default.recipe.epochs
    assert training["result"]["images"] == 2 * 120 * epochs  # train and val


def test_a_protocol(checkout):
    said = follow("docs/extending.md", "A protocol", checkout)
    assert "results/bare/records/glyphs/enas/enas/search-0.json" in said  # one of the benchmark's jobs
    training = done(checkout, "bare", "digits/fbnet/by_hand/train-0-cells3-repeat0")
    assert training["config"]["version"] == "bare-1.0"
    assert training["config"]["setting"]["tricks"]["auxiliary"] == 0


@pytest.mark.slow
@pytest.mark.pipeline
def test_a_study(checkout):
    said = follow("docs/extending.md", "A study", checkout)
    again = done(checkout, "smoke", "digits/nasbench201/random_sampling/train-2-cells3-tricks.crop=0-repeat1")
    assert again["config"]["setting"]["tricks"]["crop"] == 0
    assert again["arch"] == done(checkout, "smoke", "digits/nasbench201/random_sampling/search-2")["arch"]
    rows = [line.split("|")[3].strip() for line in said.splitlines() if line.startswith("| crops")]
    assert rows == ["reference", "no crop", "wide"]
    study = text("docs/extending.md").split("studies:\n")[1].split("```")[0]
    assert "a new one is six lines" in text("docs/extending.md").lower() and len(study.splitlines()) + 1 == 6


@pytest.mark.slow
def test_a_published_table(checkout):
    follow("docs/using.md", "A published table", checkout)
    with open(checkout / "published/relative_improvement.csv", encoding="utf-8") as file:
        found = {row["method"]: row for row in csv.DictReader(file)}
    for row in tables(section(text("docs/using.md"), "A published table"))[-1]:
        ours = found.pop(row["trick"])
        p = float(ours["p_holm"])
        assert row["RI, %"] == f"{float(ours['ri']):+.2f}"
        assert row["p (Holm)"] == ("<0.001" if p < 0.001 else f"{p:.3f}")
        assert row["verdict"] == ours["verdict"]
    assert not found
    page = (checkout / "published/report.html").read_text()
    assert all(method in page for method in ("auxiliary", "all_three")) and "Left out" in page


def test_two_results_compared(checkout):
    """The snapshot with a run of the reader's own, which here lacks a dataset."""
    (fence,) = fences(section(text("docs/using.md"), "Two results compared"))
    folder = re.search(r"results/published/[\w.-]+", fence.code)[0]
    shutil.copytree(registry.ROOT / folder, checkout / folder)
    own = checkout / "results/laptop/records"
    shutil.copytree(registry.ROOT / folder / "records", own, ignore=shutil.ignore_patterns("textures"))
    assert "Of 40 rows 32 identical, 8 only before." in shell(fence.code, checkout)
