"""`pip install .` without a checkout: a wheel in a virtual environment of its own, used in an empty folder."""

import json
import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest
import torch

from harness.plan import registry, shipped
from tests import house

PIP = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
BENCHMARK = """\
protocol: smoke
datasets: [digits]
seeds: 1
random: 2
searches:
  - {method: fbnet, space: fbnet}
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    build = ["wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", folder, registry.ROOT]
    subprocess.run([*PIP, *build], check=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def python(wheel, tmp_path_factory):
    """Of an environment that has the wheel and sees the libraries of this one, but not the checkout."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder / "venv", symlinks=True)
    (site_packages,) = (folder / "venv/lib").glob("python*/site-packages")
    (site_packages / "libraries.pth").write_text(f"{Path(torch.__file__).parents[1]}\n")
    python = folder / "venv/bin/python"
    subprocess.run([*PIP, "--python", python, "install", "--no-deps", "--no-index", wheel], check=True)
    return python


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    return tmp_path_factory.mktemp("elsewhere")


@pytest.fixture(scope="module")
def run(python, elsewhere):
    def run(*words, status=0):
        """What a command prints in the empty folder."""
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        done = subprocess.run([python, "-m", *words], cwd=elsewhere, env=environment, capture_output=True, text=True)
        assert done.returncode == status, f"{words}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    return run


def test_the_wheel_holds_every_module(wheel):
    """And the packages say that they have types."""
    held = set(zipfile.ZipFile(wheel).namelist())
    assert {path.relative_to(registry.ROOT).as_posix() for path in house.FILES} <= held
    assert {f"{name.partition('.')[0]}/py.typed" for name in house.modules()} <= held


def test_an_architecture_is_described(run):
    arch = run("harness", "sample", "--space", "fbnet").strip()
    assert json.loads(run("harness", "describe", "--space", "fbnet", "--arch", arch))["parameters"] > 0


def test_a_configuration_that_the_folder_lacks_is_the_shipped_one(run):
    said = run("harness", "status", "--config", "config/default.yaml", status=1)
    assert "single_path" in said and "0 of " in said


def test_the_cards_of_the_methods_are_printed(run):
    assert "## single_path" in run("harness", "cards")


@pytest.mark.pipeline
@pytest.mark.slow
def test_a_benchmark_runs_from_the_shipped_snakefile(run, elsewhere):
    folder = Path(run("harness", "shipped").strip())
    assert registry.ROOT not in folder.parents
    snakemake = ["snakemake", "--snakefile", folder / "Snakefile", "--cores", "2", "all"]
    (elsewhere / "mine.yaml").write_text(BENCHMARK)
    run(*snakemake, "--configfile", "mine.yaml")
    run(*snakemake, "--configfile", "mine.yaml", "--report", "report.html")
    assert "align-items: safe center" in (elsewhere / "report.html").read_text()  # the profile's style sheet

    records = elsewhere / "results/smoke/records"
    commits = {json.loads(path.read_text())["environment"]["commit"] for path in records.rglob("*.json")}
    assert commits == {"unknown"}
    run("harness", "tables", "--records", records, "--out", "made")
    assert 'class="caption"' in (elsewhere / "made/report.html").read_text()


def test_the_version_is_known(run, python, elsewhere):
    code = "from harness.plan import shipped; print(shipped.version())"
    said = subprocess.run([python, "-c", code], cwd=elsewhere, capture_output=True, text=True, check=True).stdout
    assert said.strip() == shipped.version()
