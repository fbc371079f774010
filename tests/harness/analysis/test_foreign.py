"""Other people's numbers: a CSV that is read as it was meant, or one clear line that names file, line and cure."""

import pandas as pd
import pytest

from harness.analysis.analysis import Analysis
from harness.analysis.results import in_percent, read_results
from harness.report.build import build, write_tables
from spaces.base import UserError
from tests import synthetic_records as synthetic

HEADER = "dataset,space,method,seed,accuracy,cells,arch,repeat\n"
MARKED, STATED = (f"dataset,space,method,seed,accuracy,{last}\n" for last in ("main", "status"))
BASELINE = "digits,darts,random_sampling,0,0.8,8,a,0\ndigits,darts,random_sampling,1,0.9,8,b,0\n"


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_seeds_of_one_random_architecture_are_its_repeats(tmp_path):
    lines = [f"digits,darts,random_sampling,{seed},{80 + i + seed},{cells},{arch}\n"
             for cells in (8, 20) for i, arch in enumerate("abc") for seed in (0, 1)]  # fmt: skip
    path = write(tmp_path / "r.csv", "dataset,space,method,seed,accuracy,cells,arch\n" + "".join(lines))
    results = read_results(path)
    assert results.trainings["main"].sum() == 3
    row = Analysis(results).depth_gap.iloc[0]
    assert row["ceiling_small"] == row["ceiling_large"] == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        (HEADER, "holds no results"),
        ("dataset,space,seed,accuracy\n", "line 1: no column method"),
        ("dataset,dataset,space,method,seed,accuracy\n", "line 1: column dataset is there twice"),
        (HEADER + "digits,darts,darts,0,high,8,a,0\n", "line 2: accuracy 'high' is not a number"),
        (HEADER + "digits,darts,darts,0,nan,8,a,0\n", "line 2: accuracy 'nan' is not a number"),
        (HEADER + "digits,darts,darts,0,,8,a,0\n", "line 2: accuracy '' is not a number"),
        (HEADER + BASELINE + "digits,darts,darts,0,-0.1,8,a,0\n", "line 4: accuracy -0.1 lies outside"),
        (HEADER + BASELINE + "\ndigits,darts,darts,0,100.5,8,a,0\n", "line 5: accuracy 100.5 lies outside"),
        (HEADER + BASELINE + "digits,darts,darts,0,93,8,a,0\n", "looks like a fraction"),
        (
            HEADER + BASELINE + "digits,darts,darts,0,0.93%,8,a,0\n",
            "looks like a fraction, 0.93 on line 4 is a percentage",
        ),
        (HEADER + BASELINE + "digits,darts,darts,0,93%%,8,a,0\n", "line 4: accuracy '93%' is not a number"),
        (HEADER + "digits,darts,darts,first,0.9,8,a,0\n", "line 2: seed is 'first'"),
        (HEADER + "digits,darts,darts,-1,0.9,8,a,0\n", "line 2: seed is '-1'"),
        (HEADER + "digits,darts,darts,0,0.9,0,a,0\n", "line 2: cells is '0'"),
        (HEADER + "digits,,darts,0,0.9,8,a,0\n", "line 2: space is empty"),
        (HEADER + "digits,darts,darts,0,0.9\n", "line 2: 5 values under 8 columns"),
        (HEADER + BASELINE + BASELINE, "line 4: the same run as line 2"),
        (
            HEADER + BASELINE + "digits,fbnet,fbnet,0,0.9,8,a,0\n",
            "line 4: no baseline for space fbnet on dataset digits",
        ),
        (
            "dataset,space,method,seed,accuracy,cells,main\nd,s,random_sampling,0,80,4,1\nd,s,random_sampling,0,81,8,1\n",
            "line 3: main is true as on line 2, for the same run",
        ),
        (HEADER + 'digits,darts,"darts,0,0.9,8,a,0\n', "cannot be read as CSV"),
        ("\udcff", "cannot be read as CSV"),
        (MARKED + "d,s,random_sampling,0,80,perhaps\n", "line 2: main is 'perhaps'"),
        (MARKED + "d,s,random_sampling,0,80,false\nd,s,m,0,81,true\n", "random_sampling, main true where it counts"),
        (STATED + "d,s,random_sampling,0,80,done\nd,s,m,0,,done\n", "line 3: accuracy '' is not a number"),
    ],
)
def test_bad_csv(text, says, tmp_path):
    path = tmp_path / "foreign.csv"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(UserError, match=r"foreign\.csv") as error:
        build(path, tmp_path / "out")
    assert says in str(error.value)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("random", "method", "mean"),
    [
        (["80", "90"], "95", 95.0),
        (["0.8", "0.9"], "0.95", 0.95),
        (["80%", "0.5%"], "95", 95.0),  # chance of 200 classes, among percentages
        (["0.2%", "0.4 %"], "0.6%", 0.006),  # all below 1: they become fractions
        (["0.2%", "0.4%"], "0", 0.0),
    ],
)
def test_units(random, method, mean, tmp_path):
    lines = [f"d,s,random_sampling,{i},{value}\n" for i, value in enumerate(random)]
    path = write(tmp_path / "r.csv", "dataset,space,method,seed,accuracy\n" + "".join(lines) + f"d,s,m,0,{method}\n")
    assert Analysis(read_results(path)).relative_improvement.iloc[0]["mean"] == pytest.approx(mean)
    shown = in_percent(read_results(path).trainings).query("method == 'm'")["accuracy"].item()
    assert shown == pytest.approx(100 * mean if mean < 1 else mean)


def test_our_own_accuracies_are_judged_as_their_records_are(tmp_path):
    """To the digits that a CSV keeps. The depth that counts, 8 cells, is not the most frequent: what our own
    accuracies.csv says by its column `main`."""
    synthetic.make(tmp_path / "records", ("digits", "glyphs"), seeds=2, baseline=3)
    for path in (tmp_path / "records").rglob("train-*-cells8-repeat1.json"):
        path.unlink()
    for source, out in (("records", "ours"), ("ours/accuracies.csv", "again")):
        write_tables(Analysis(read_results(tmp_path / source)), tmp_path / out)
    for name in ("relative_improvement", "depth_gap", "ranking", "variance"):
        ours, again = (pd.read_csv(tmp_path / side / f"{name}.csv") for side in ("ours", "again"))
        assert len(ours)
        pd.testing.assert_frame_equal(ours, again, rtol=1e-4, atol=1e-6, check_dtype=False)
    assert set(pd.read_csv(tmp_path / "again/relative_improvement.csv")["cells"]) == {8}


def test_a_failed_run_is_named(tmp_path):
    lines = [f"d,s,random_sampling,{i},{80 + i},done\n" for i in range(3)] + ["d,s,m,0,85,done\nd,s,m,1,,diverged\n"]
    write_tables(Analysis(read_results(write(tmp_path / "r.csv", STATED + "".join(lines)))), tmp_path)
    assert "m in s on d, seed 1 (diverged)" in (tmp_path / "relative_improvement.md").read_text()
