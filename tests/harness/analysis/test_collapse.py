"""Shares, entropies and ranks of searches by gradients, by hand."""

import numpy as np
import pandas as pd
import pytest

from harness import records
from harness.analysis.analysis import Analysis
from harness.analysis.collapse import RANKS, collapse, course
from harness.analysis.results import CURVES, SHARED, read_results
from harness.report.figures import collapse as figure
from harness.report.figures import style
from harness.report.tables import collapse as table
from tests import synthetic_records as synthetic

AXES = {"dataset": "d", "space": "s", "method": "m"}


def curves(seed, method="m", **columns):
    return [
        {**AXES, "method": method, "seed": seed, "metric": name, "epoch": epoch, "value": value}
        for name, values in columns.items()
        for epoch, value in enumerate(values)
    ]


def trainings(accuracies, repeat=0, main=True, method="random_sampling"):
    axes = {**AXES, "method": method, "cells": 3, "repeat": repeat, "main": main}
    return [{**axes, "seed": i, "arch": f"a{i}", "accuracy": value} for i, value in enumerate(accuracies)]


def shared(seed, accuracies):
    return [{**AXES, "seed": seed, "arch": f"a{i}", "shared": value} for i, value in enumerate(accuracies)]


def found(rows=(), ranks=(), trained=()):
    points = course(pd.DataFrame(list(rows), columns=CURVES))
    columns = ["dataset", "space", "method", "seed", "cells", "repeat", "main", "arch", "accuracy"]
    return collapse(points, pd.DataFrame(list(ranks), columns=SHARED), pd.DataFrame(list(trained), columns=columns))


def test_means_of_the_first_and_the_last_epoch():
    """The second search ends an epoch earlier, with what it had then."""
    rows = curves(0, skip_share=[0.2, 0.3, 0.8], none_share=[0.2, 0.1, 0.0], alpha_entropy=[1.6, 1.0, 0.2])
    rows += curves(1, skip_share=[0.3, 0.6], none_share=[0.2, 0.2], alpha_entropy=[1.4, 1.2])
    (row,) = found(rows).to_dict("records")
    assert (row["method"], row["n"]) == ("m", 2)
    assert (row["skip_first"], row["skip_last"]) == pytest.approx((0.25, 0.7))
    assert (row["none_first"], row["none_last"]) == pytest.approx((0.2, 0.1))
    assert (row["entropy_first"], row["entropy_last"]) == pytest.approx((1.5, 0.7))
    assert np.isnan(row["eigenvalue_last"]) and all(np.isnan(row[name]) for name in RANKS)


def test_entropies_have_one_name_and_other_searches_are_left_out():
    """FBNet logs "entropy"; ENAS an entropy of another kind, and no shares."""
    rows = curves(0, "fbnet", skip_share=[0.1], entropy=[2.0], eigenvalue=[3.0])
    rows += curves(0, "enas", entropy=[5.0], reward=[0.5])
    points = course(pd.DataFrame(rows, columns=CURVES))
    assert set(points["method"]) == {"fbnet"}
    assert dict(zip(points["quantity"], points["value"])) == {"skip": 0.1, "entropy": 2.0, "eigenvalue": 3.0}


def test_ranks_and_their_ceiling_by_hand():
    """Of six pairs the shared weights of seed 0 order all as the trainings do, those of seed 1 all but one: tau is 1
    and 2/3. Two trainings disagree about two pairs: 1/3. An architecture that was not trained does not count, nor does
    a training of a method."""
    trained = trainings([0.5, 0.6, 0.7, 0.8]) + trainings([0.6, 0.5, 0.8, 0.7], repeat=1, main=False)
    trained += trainings([0.9] * 9, method="m")
    ranks = shared(0, [0.1, 0.2, 0.3, 0.4, 0.0]) + shared(1, [0.2, 0.1, 0.3, 0.4, 0.9])
    (row,) = found(ranks=ranks, trained=trained).to_dict("records")
    assert (row["n"], row["ranked"]) == (2, 4)
    assert row["tau"] == pytest.approx((1 + 2 / 3) / 2) and row["tau_low"] <= row["tau"] <= row["tau_high"]
    assert row["ceiling"] == pytest.approx(1 / 3)


def test_without_repeats_there_is_no_ceiling_and_of_two_no_rank():
    (row,) = found(ranks=shared(0, [0.1, 0.2, 0.3]), trained=trainings([0.5, 0.6, 0.4])).to_dict("records")
    assert row["tau"] == pytest.approx(-1 / 3) and np.isnan(row["ceiling"])
    (row,) = found(ranks=shared(0, [0.1, 0.2]), trained=trainings([0.5, 0.6])).to_dict("records")
    assert np.isnan(row["tau"])


def test_records_make_the_table_and_the_figure(tmp_path):
    folder = tmp_path / "records"
    synthetic.make(folder, ("digits",), seeds=2, baseline=4)
    archs = [records.read(path)["arch"] for path in sorted((folder / "digits/fbnet/random_sampling").glob("search-*"))]
    for path in (folder / "digits/fbnet/fbnet").glob("search-*.json"):
        record = records.read(path)
        record["curves"] |= {"skip_share": [0.1 * epoch for epoch in range(10)], "entropy": [2.0] * 10}
        record["result"]["shared_accuracies"] = {arch: i / 10 for i, arch in enumerate(archs)}
        records.write(path, record)
    analysis = Analysis(read_results(folder))
    (row,) = table.layout(analysis, "").rows
    assert row[:4] == ["digits", "fbnet", "fbnet", "2"] and row[4:8] == ["0.00 → 0.90", "–", "2.00 → 2.00", "–"]
    assert row[8] == "4" and row[9] != "–"
    drawn = figure.data(analysis)
    assert set(drawn["quantity"]) == {"skip"} and len(drawn) == 20
    style.set_style()
    (axis,) = figure.draw(drawn, style.colours(analysis.methods)).axes
    (line,) = axis.get_lines()
    assert list(line.get_xdata()) == list(range(1, 11)) and line.get_ydata()[-1] == pytest.approx(0.9)
