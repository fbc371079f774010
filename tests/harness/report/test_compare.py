"""What changed between two results: numbers by hand, each verdict, and one line for a bad folder."""

import math
from random import Random

import numpy as np
import pytest
from scipy import stats

from harness import records
from harness.__main__ import main
from harness.analysis import statistics
from harness.analysis.analysis import Analysis
from harness.analysis.changes import changes
from harness.analysis.results import read_results
from harness.report import compare
from spaces.base import UserError
from tests import synthetic_records as synthetic

BEFORE = {
    ("a", "random_sampling"): [80, 82, 84],
    ("a", "same"): [90, 91, 92],
    ("a", "leaps"): [85.0, 85.1, 84.9, 85.2],
    ("a", "wavers"): [85, 88, 82],
    ("a", "single"): [85],
    ("a", "dropped"): [85, 86],
}
AFTER = {
    ("a", "random_sampling"): [0.80, 0.82, 0.84],  # the same as fractions
    ("a", "same"): [0.92, 0.90, 0.91],
    ("a", "leaps"): [0.90, 0.901, 0.899],
    ("a", "wavers"): [0.86, 0.83, 0.87],
    ("a", "single"): [0.86],
    ("b", "random_sampling"): [0.5, 0.6],
}


def write(path, runs):
    lines = [f"{d},s,{m},{i},{value}\n" for (d, m), values in runs.items() for i, value in enumerate(values)]
    path.write_text("dataset,space,method,seed,accuracy\n" + "".join(lines))
    return path


@pytest.fixture
def pair(tmp_path):
    return write(tmp_path / "before.csv", BEFORE), write(tmp_path / "after.csv", AFTER)


def changes_of(pair):
    sides = [Analysis(read_results(path)).finished_runs for path in pair]
    return changes(*sides).set_index(["dataset", "method"])


def test_every_method_has_its_verdict(pair):
    frame = changes_of(pair)
    assert frame["verdict"].to_dict() == {
        ("a", "dropped"): "only before",
        ("a", "leaps"): "moved",
        ("a", "random_sampling"): "identical",
        ("a", "same"): "identical",
        ("a", "single"): "no test",
        ("a", "wavers"): "within noise",
        ("b", "random_sampling"): "only after",
    }


def test_numbers_by_hand_and_against_scipy(pair):
    frame = changes_of(pair)
    row = frame.loc["a", "leaps"]
    assert row[["n_before", "n_after"]].tolist() == [4, 3]
    assert row[["before", "after", "change"]].tolist() == pytest.approx([85.05, 90, 4.95])
    welch = [
        stats.ttest_ind(BEFORE["a", name], [100 * value for value in AFTER["a", name]], equal_var=False).pvalue
        for name in ("leaps", "wavers")
    ]
    assert [frame.loc["a", name]["p"] for name in ("leaps", "wavers")] == pytest.approx(welch)
    assert [frame.loc["a", name]["p_holm"] for name in ("leaps", "wavers")] == pytest.approx([2 * welch[0], welch[1]])
    assert row["ri_before"] == pytest.approx(100 * (85.05 / 82 - 1))
    assert row["ri_change"] == pytest.approx(100 * 4.95 / 82)
    assert row["ri_change_low"] < row["ri_change"] < row["ri_change_high"]
    assert frame.loc["a", "same"]["ri_change"] == pytest.approx(0)
    assert frame.loc["a", "same"][["p", "ri_change_low"]].isna().all()  # nothing changed: nothing is uncertain


def test_change_of_an_improvement_is_bootstrapped_over_all_four_samples():
    samples = ([84.0, 86.0, 88.0], [80.0, 82.0, 84.0, 81.0]), ([87.0, 88.0, 92.0], [80.0, 84.0, 86.0])
    low, high = statistics.change_interval(*samples, dataset="a")
    # to first order the relative variances of the four means add up, in points of RI
    variance = 0.0
    for method, random in samples:
        relative = sum(np.var(x) / len(x) / np.mean(x) ** 2 for x in (method, random))
        variance += (100 * np.mean(method) / np.mean(random)) ** 2 * relative
    assert high - low == pytest.approx(2 * 1.96 * math.sqrt(variance), rel=0.06)
    assert (low, high) == statistics.change_interval(*samples, dataset="a")
    assert all(map(math.isnan, statistics.change_interval(([1.0], [1.0, 2.0]), samples[1])))


def test_two_snapshots_on_the_command_line(tmp_path, capsys):
    for name, seeds in (("one", 3), ("two", 4)):
        synthetic.make(tmp_path / name / "records", ("digits",), seeds=seeds)
    assert main(["compare", str(tmp_path / "one"), str(tmp_path / "two/records")]) == 0
    text = capsys.readouterr().out
    assert "Protocol laptop-1" in text and "3 → 4" in text
    assert "4 identical" in text and "Two protocols" not in text  # the random architectures of four spaces
    assert len(text.split("\n\n")[1].strip().splitlines()) == 2 + 8


def test_results_of_two_protocols_are_compared_and_named(tmp_path, pair, capsys):
    synthetic.make(tmp_path / "records", ("digits",), seeds=1, baseline=2)
    assert main(["compare", str(pair[0]), str(tmp_path)]) == 0
    assert "Two protocols, unknown and laptop-1" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("before", "after", "warned"),
    [
        ("laptop-2", "laptop-2.4", False),  # the same MAJOR: rounding alone, or records older than MINOR
        ("laptop-2.3", "laptop-2.4", False),
        ("laptop-2.4", "laptop-3.0", True),
        ("laptop-2.4", "paper-2.4", True),
        ("mine", "mine", False),
        ("mine", "laptop-2.4", True),
    ],
)
def test_protocols_of_the_same_major_are_comparable(tmp_path, before, after, warned):
    for side, version in (("before", before), ("after", after)):
        key = {"dataset": "digits", "space": "fbnet", "method": "fbnet", "seed": 0}
        search = synthetic.search(key, "", Random(0)) | {"config": {"version": version}}
        records.write(tmp_path / side / "search-0.json", search)
        records.write(tmp_path / side / "train-0.json", synthetic.training(key, "", 0.9, 1000, 8, 0))
    table = compare.compared(tmp_path / "before", tmp_path / "after")
    notes = [f"Two protocols, {before} and {after}: what moved may be the protocol and not the methods."]
    assert table.notes == (notes if warned else [])


@pytest.mark.parametrize("bad", ["nowhere", "empty", "text.csv"])
def test_a_bad_folder_is_one_line(bad, tmp_path, pair, capsys):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.csv").write_text("hello\n")
    with pytest.raises(UserError):
        compare.compared(pair[0], tmp_path / bad)
    assert main(["compare", str(tmp_path / bad), str(pair[0])]) == 2
    error = capsys.readouterr().err
    assert bad in error and len(error.splitlines()) == 1
