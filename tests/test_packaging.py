"""What is installed is what was tested: bounds, pins and the conda environment agree."""

import dataclasses
import re
import tomllib
from importlib import metadata
from itertools import chain

import pytest
import yaml
from packaging.requirements import Requirement

from harness.plan import registry
from harness.plan.jobs import RANDOM
from harness.report.cards import cards
from methods.parts.queries import QueryMethod

PROJECT = tomllib.loads((registry.ROOT / "pyproject.toml").read_text())["project"]


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(lines):
    return {canonical(name): version for name, version in (line.split("==") for line in lines if "==" in line)}


CONSTRAINTS = pins((registry.ROOT / "constraints.txt").read_text().split())
ENVIRONMENT = pins(yaml.safe_load((registry.ROOT / "environment.yaml").read_text())["dependencies"][-1]["pip"])


def test_every_dependency_is_bounded_and_its_pin_lies_inside():
    requirements = [*PROJECT["dependencies"], *chain(*PROJECT["optional-dependencies"].values())]
    for requirement in map(Requirement, requirements):
        operators = {specifier.operator for specifier in requirement.specifier}
        assert ">=" in operators
        assert "<" in operators
        assert CONSTRAINTS[canonical(requirement.name)] in requirement.specifier, requirement


def needs(name):
    """What a package requires here, where it is installed in its pinned version."""
    try:
        if metadata.version(name) != CONSTRAINTS.get(name):
            return []
    except metadata.PackageNotFoundError:  # of an extra that is not installed
        return []
    requirements = map(Requirement, metadata.requires(name) or [])
    return [one for one in requirements if one.marker is None or one.marker.evaluate()]


def test_pins_are_whole_and_agree():
    found = [(name, need) for name in CONSTRAINTS for need in needs(name)]
    assert len(found) > 100
    for name, need in found:
        pin = CONSTRAINTS.get(canonical(need.name), "no pin")
        assert need.specifier.contains(pin), f"{name} needs {need}, constraints.txt has {pin}"


def test_the_conda_environment_is_the_tested_one():
    needed = {canonical(Requirement(text).name) for text in PROJECT["dependencies"]}
    assert set(ENVIRONMENT) == needed
    assert all(CONSTRAINTS[name] == version for name, version in ENVIRONMENT.items())


@pytest.mark.parametrize("name", registry.names("methods"))
def test_a_card_says_what_is_exact_what_departs_and_where_it_was_checked(name):
    card = cards().split(f"\n## {name}\n")[1].split("\n## ")[0]
    for part in ("Exact: ", "Departs from the paper: ", "Checked in tests/", f"{name}.py: "):
        assert part in card
    if len(dataclasses.fields(registry.method(name))):
        assert "| parameter | published | default |" in card
    if name != RANDOM:
        budget = registry.protocol("laptop").default.budget.of(name)
        asks = isinstance(registry.method(name), QueryMethod)
        spent = "16 evaluations of 2 epochs" if asks else f"{budget.epochs} epochs"
        assert f"a search has {spent}." in card


def test_the_methods_cards_are_current():
    assert (registry.ROOT / "docs/methods.md").read_text() == cards(), "python -m harness cards > docs/methods.md"


def test_the_citation_is_complete_and_of_this_version():
    cited = yaml.safe_load((registry.ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert cited["cff-version"] == "1.2.0"
    assert {"message", "title", "authors", "version", "license"} <= set(cited)
    assert all("name" in author or "family-names" in author for author in cited["authors"])
    assert (cited["version"], cited["license"]) == (PROJECT["version"], PROJECT["license"])
    for work in cited["references"]:
        assert {"type", "title", "authors"} <= set(work)


def test_the_changelog_names_this_version():
    changes = (registry.ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## {re.escape(PROJECT['version'])}\b", changes, re.MULTILINE)
