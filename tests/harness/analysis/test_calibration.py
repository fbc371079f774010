"""The report's tests on pseudo-methods of known effect."""

import numpy as np
import pytest

from harness.analysis import calibration
from harness.analysis.analysis import Analysis
from harness.analysis.calibration import EFFECTS, TABLES
from harness.analysis.results import read_results

HEADER = "dataset,space,method,seed,accuracy\n"


def of(path, n, k, spread=0.03, datasets="ab"):
    rng, lines = np.random.default_rng(0), []
    for dataset in datasets:
        for method, size in (("random_sampling", k), ("m", n), ("other", n)):
            values = 0.9 - spread * rng.lognormal(-0.5, 0.8, size)
            lines += [f"{dataset},s,{method},{seed},{value:.6f}\n" for seed, value in enumerate(values)]
    path.write_text(HEADER + "".join(lines))
    return Analysis(read_results(path)).calibration


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return of(tmp_path_factory.mktemp("calibration") / "r.csv", 5, 12)


def test_each_family_has_every_effect(table):
    assert [*zip(table["family"], table["effect"])] == [(f, e) for f in ("methods", "cells") for e in EFFECTS]
    assert table.groupby("family")["tests"].unique().map(list).to_dict() == {"cells": [4], "methods": [2]}
    assert (table["tables"] == TABLES).all()


def test_errors_are_at_their_level(table):
    for row in table[table["effect"] == 0].itertuples():
        assert 0.02 < row.better + row.worse < 0.08
        assert row.better_holm + row.worse_holm <= row.better + row.worse
        assert row.any_holm < 0.09


def test_power_grows_with_the_effect_and_is_larger_over_all_datasets(table):
    power = table.set_index(["family", "effect"])["better_holm"]
    for family in ("methods", "cells"):
        assert (np.diff(power[family]) >= 0).all()
    assert power["methods", 2] > power["cells", 2] and power["methods", 10] > 0.9


def test_the_same_results_give_the_same_table(tmp_path, table):
    assert table.equals(of(tmp_path / "r.csv", 5, 12))


def test_many_cells_have_fewer_tables(tmp_path, monkeypatch):
    monkeypatch.setattr(calibration, "TESTS", 200)
    assert set(of(tmp_path / "r.csv", 2, 3)["tables"]) == {50}


def test_single_runs_have_no_calibration(tmp_path):
    assert not len(of(tmp_path / "r.csv", 1, 6))


def test_accuracies_that_do_not_vary_are_never_called_without_an_effect(tmp_path):
    table = of(tmp_path / "r.csv", 5, 10, spread=0.0).set_index(["family", "effect"])
    assert (table.xs(0, level="effect")[["better", "worse", "any_holm"]] == 0).all(axis=None)
    assert (table.xs(1, level="effect")["better"] == 1).all()
