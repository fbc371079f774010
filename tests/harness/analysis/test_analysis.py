"""One object carries the analysis: in everything that is made of it, each quantity is computed once."""

import cProfile
from collections import Counter
from functools import cached_property

import pytest

from harness.analysis.analysis import Analysis
from harness.analysis.results import read_results
from harness.report import build, compare
from harness.tracking import comparison
from tests import synthetic_records as synthetic

PROPERTIES = [value for value in vars(Analysis).values() if isinstance(value, cached_property)]
QUANTITIES = {
    value.attrname: value.func.__globals__[value.attrname]
    for value in PROPERTIES
    if value.attrname in value.func.__globals__
}
"""Each quantity is computed by the function of its name."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("records")
    synthetic.make(path, ("digits",), seeds=2, baseline=3)
    return path


def calls(function, *arguments, **options):
    """How often each Python function was called, by its code."""
    profile = cProfile.Profile()
    profile.runcall(function, *arguments, **options)
    return Counter({entry.code: entry.callcount for entry in profile.getstats() if not isinstance(entry.code, str)})


def test_each_quantity_is_computed_once_in_tables_figures_and_report(folder, tmp_path):
    found = calls(build.build, folder, tmp_path, report="run")
    assert len(QUANTITIES) >= 11
    assert {name: found[function.__code__] for name, function in QUANTITIES.items()} == dict.fromkeys(QUANTITIES, 1)
    assert found[read_results.__code__] == 1


def test_a_comparison_computes_what_it_compares_once_per_side(folder):
    found = calls(compare.compared, folder, folder)
    computed = {name: found[function.__code__] for name, function in QUANTITIES.items() if found[function.__code__]}
    assert computed == {"runs": 2, "finished_runs": 2}


def test_the_parents_in_mlflow_compute_the_table_once(folder):
    found = calls(comparison.rows, Analysis(read_results(folder)), "laptop")
    computed = {name: found[function.__code__] for name, function in QUANTITIES.items() if found[function.__code__]}
    assert computed == {"runs": 1, "relative_improvement": 1}


def test_properties_are_kept(folder):
    analysis = Analysis(read_results(folder))
    for value in PROPERTIES:
        assert getattr(analysis, value.attrname) is getattr(analysis, value.attrname)
