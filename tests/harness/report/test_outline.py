"""The folders of tables and figures are the outline of the report."""

import importlib
import inspect
import pkgutil
import subprocess
import sys

import pytest

from harness.report import outline

FORM = {"tables": {"numbers": 1, "layout": 2}, "figures": {"data": 1, "draw": 2}}
ENTRIES = outline.entries()
SHARED = {"tables": {"base"}, "figures": {"cells", "drawing", "fonts", "forest", "strips", "style"}}
"""Modules that several tables or figures use."""


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: f"{entry.folder}/{entry.name}")
def test_a_table_or_figure_has_its_functions_and_its_text(entry):
    for name, parameters in FORM[entry.folder].items():
        assert len(inspect.signature(getattr(entry.module(), name)).parameters) == parameters
    text = entry.text.read_text(encoding="utf-8")
    assert "\n\n**What it shows**: " in text and "\n\n**How to read" in text


@pytest.mark.parametrize("folder", outline.FOLDERS)
def test_a_file_that_has_no_text_is_not_forgotten(folder):
    package = importlib.import_module(f"harness.report.{folder}")
    modules = {module.name for module in pkgutil.iter_modules(package.__path__)}
    assert modules - SHARED[folder] == {entry.name for entry in outline.entries(folder)}


def test_places_are_numbered_without_gaps():
    """So that the head of a text says the number that readers see."""
    numbers = {}
    for entry in ENTRIES:
        numbers.setdefault(entry.place[0], []).append(entry.place[1])
    assert sorted(numbers) == list(range(1, len(outline.HEADINGS) + 1))
    assert all(found == list(range(1, len(found) + 1)) for found in numbers.values())


def test_contents_by_hand():
    contents = outline.contents(["fbnet", "darts", "fbnet"])
    assert list(contents)[:2] == ["1 Better than random?", "2 Among random architectures"]
    assert contents["1 Better than random?"] == {
        "methods": "tables/methods",
        "methods, forest plot": "figures/methods",
        "verdicts by dataset": "tables/verdicts",
        "forest plot by dataset": "figures/ri",
        "relative improvement, table": "tables/relative_improvement",
        "calibration": "tables/calibration",
        "against random search": "tables/against_search",
    }
    assert contents["6 Found architectures"] == {
        "space DARTS": "figures/architectures_darts",
        "space FBNet": "figures/architectures_fbnet",
    }


def test_every_file_has_its_caption():
    for files in outline.contents(["darts", "a/b"]).values():
        for file in files.values():
            assert outline.caption(file).exists()
    assert outline.caption("figures/architectures_darts").name == "architectures.rst"
    assert outline.caption("tables/depth_gap") != outline.caption("figures/depth_gap")


def test_the_outline_imports_nothing_heavy():
    code = "import sys; from harness.report.outline import contents; contents(['darts']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"pandas", "numpy", "matplotlib", "jinja2", "docutils"} & set(done.stdout.split())
