"""CSVs as Python, pandas, R, spreadsheets and other benchmarks write them: the same runs, or one line that says why."""

import math
import tracemalloc

import numpy as np
import pandas as pd
import pytest

from harness.__main__ import main
from harness.analysis.analysis import Analysis
from harness.analysis.comparison import UNDEFINED
from harness.analysis.csv_forms import Asked
from harness.analysis.foreign import read_csv
from harness.analysis.results import read_results
from harness.report.build import write_tables
from spaces.base import UserError

LINES = [
    "dataset,space,method,seed,accuracy",
    *(f"d,s,random_sampling,{i},{80 + i}.5" for i in range(3)),
    *(f"d,s,m,{i},{85 + i}.25" for i in range(3)),
]
PLAIN = "\n".join(LINES) + "\n"
SEMICOLON = PLAIN.replace(",", ";").replace(".", ",")
RUNS = [
    ("d", "s", method, i, value + i) for method, value in (("random_sampling", 80.5), ("m", 85.25)) for i in range(3)
]
QUOTED = "\n".join(",".join(f'"{value}"' for value in line.split(",")) for line in LINES)

WIDE = "Random DARTS,DARTS,Random MANAS,MANAS-LS\n97.0,97.4,96.7,97.0\n96.8,97.1,96.8,\n96.5,97.4,96.9,97.4\n"
AUTOML = (
    "id,task,framework,constraint,fold,result,metric,info,acc,auc\n"
    "t/3,kc2,RandomForest,1h,0,0.86,auc,,0.79,0.86\nt/3,kc2,RandomForest,1h,1,0.86,auc,,0.91,0.86\n"
    "t/3,kc2,flaml,1h,0,0.9,auc,,0.81,0.9\nt/3,kc2,flaml,1h,1,,auc,Error: out of memory,,\n"
    "t/3,kc2,flaml,1h,0,0.9,auc,,0.83,0.9\nt/9,prices,flaml,1h,0,3.2,rmse,,,\n"
)


def with_column(name, value):
    return "\n".join(f"{line},{value if i else name}" for i, line in enumerate(LINES))


READ = {
    "plain": PLAIN,
    "Windows line ends": PLAIN.replace("\n", "\r\n"),
    "old Macs' line ends": PLAIN.replace("\n", "\r"),
    "a mark of byte order": "\ufeff" + PLAIN,
    "semicolons": PLAIN.replace(",", ";"),
    "semicolons and decimal commas": SEMICOLON,
    "tabs": PLAIN.replace(",", "\t"),
    "tabs and decimal commas": SEMICOLON.replace(";", "\t"),
    "bars": PLAIN.replace(",", " | "),
    "a stated separator": "sep=;\n" + SEMICOLON,
    "a stated separator in quotes": '"sep=;"\n' + SEMICOLON,
    "a stated comma": "sep=,\r\n" + PLAIN,
    "decimal commas in quotes": QUOTED.replace(".", ","),
    "quotes": QUOTED,
    "comments before": "# results of run 3\n# of two\n" + PLAIN,
    "comments between": PLAIN.replace("\nd,s,m,1", "\n# the rest\n\nd,s,m,1"),
    "a header in a comment": "# " + PLAIN,
    "blank lines": "\n\n" + PLAIN.replace("\n", "\n\n"),
    "lines of nothing but commas": PLAIN + ",,,,\n",
    "commas behind every line": PLAIN.replace("\n", ",\n"),
    "a header in capitals": PLAIN.replace(LINES[0], LINES[0].upper()),
    "a header of a spreadsheet": PLAIN.replace(LINES[0], " Dataset , Search Space,Method,Seed,Test Accuracy"),
    "percent in the header": PLAIN.replace("accuracy", "Accuracy (%)"),
    "percent signs": PLAIN.replace(".5", ".5%").replace(".25", ".25 %"),
    "headers repeated": PLAIN.replace("\nd,s,m,0", f"\n{LINES[0]}\nd,s,m,0"),
    "seeds as floats": PLAIN.replace("0,8", "0.0,8").replace("1,8", "1.0,8").replace("2,8", "2.0,8"),
    "an index of pandas": "\n".join(f"{i - 1 if i else ''},{line}" for i, line in enumerate(LINES)),
    "row names of R": "\n".join(f'"{i}" {line}' if i else line for i, line in enumerate(LINES)).replace(",", " "),
    "R without row names": QUOTED.replace(",", " "),
    "columns that nobody knows": with_column("note", "x"),
    "gaps in other columns": with_column("cells", "NA"),
    "all done": with_column("status", "OK"),
    "finished": with_column("State", "x").replace("State", "status").replace(",x", ",finished"),
    "the baseline in capitals": PLAIN.replace("random_sampling", "Random Sampling"),
    "spaces around": PLAIN.replace(",", " , "),
    "single quotes": "\n".join(",".join(f"'{value}'" for value in line.split(",")) for line in LINES),
    "typographic quotes": PLAIN.replace("random_sampling", "\u201crandom_sampling\u201d"),
    "a table of Markdown": SEMICOLON.replace(";", " | ").replace("accuracy\n", "accuracy\n---|:--|--:|---|:-:\n"),
    "lines of psql": "\n".join(LINES[:1] + ["---+-----+------+---+--------"] + LINES[1:]).replace(",", " | "),
    "equal signs below the header": PLAIN.replace("accuracy\n", "accuracy\n=====,=====,==,==,==\n"),
    "what cannot be seen": PLAIN.replace("dataset", "\u200bdata\u00adset").replace("d,s,m,1", "d,s,m\u200b,1"),
    "a mark of DOS at the end": PLAIN + "\x1a",
    "percent in words": PLAIN.replace("accuracy", "test_acc_percent"),
    "per cent, shortened": PLAIN.replace("accuracy", "Accuracy pct"),
    "other columns in per cent": with_column("macs (%)", "12.5"),
}


def write(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    return path


def runs(rows):
    return [(row["dataset"], row["space"], row["method"], row["seed"], row["accuracy"]) for row in rows]


@pytest.mark.parametrize("form", READ)
def test_the_same_runs_in_every_form(form, tmp_path):
    assert runs(read_csv(write(tmp_path / "r.csv", READ[form]))) == RUNS


def test_unicode_text_of_a_spreadsheet(tmp_path):
    assert runs(read_csv(write(tmp_path / "r.txt", SEMICOLON.replace(";", "\t"), "utf-16"))) == RUNS


@pytest.mark.parametrize("coding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig"])
def test_text_of_any_unicode(coding, tmp_path):
    assert runs(read_csv(write(tmp_path / "r.csv", PLAIN, coding))) == RUNS


def test_accents_are_one_letter_however_they_are_stored(tmp_path):
    text = PLAIN.replace("m,1", "caf\u00e9,1").replace("m,2", "cafe\u0301,2")
    assert [row["method"] for row in read_csv(write(tmp_path / "r.csv", text))][-2:] == ["caf\u00e9"] * 2


@pytest.mark.parametrize("missing", ["", "NA", "nan", "NaN", "N/A", "null", "-", "diverged", "#N/A", "None", "inf"])
def test_a_run_with_a_status_and_no_number_has_failed(missing, tmp_path):
    text = (
        "\n".join(f"{line},{'status' if not i else ''}" for i, line in enumerate(LINES))
        + f"\nd,s,m,9,{missing},diverged\n"
    )
    last = read_csv(write(tmp_path / "r.csv", text))[-1]
    assert math.isnan(last["accuracy"]) and last["status"] == "diverged"


@pytest.mark.parametrize("seed", [2**53 + 1, 2**64 - 1, 2**127])
def test_seeds_of_any_size_are_kept_to_the_last_digit(seed, tmp_path):
    text = "\n".join([LINES[0], *(f"d,s,{m},{seed - i},{80 + i}" for m in ("random_sampling", "m") for i in range(3))])
    path = write(tmp_path / "r.csv", text)
    write_tables(Analysis(read_results(path)), tmp_path / "out")
    again = pd.read_csv(tmp_path / "out/accuracies.csv", dtype=str)
    assert sorted(map(int, again["seed"]))[-1] == seed and len(set(again["seed"])) == 3
    assert runs(read_csv(tmp_path / "out/accuracies.csv"))[0][3] == seed - 2


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (PLAIN.replace(",", ";").replace("seed", "run"), "line 1: no column seed among its 5 columns separated by ';'"),
        (PLAIN.replace("m,1,86.25", "m,1,86,25"), "line 6: 6 values under 5 columns, separated by ','"),
        (PLAIN.replace("m,1,86.25", "m,1.5,86.25"), "line 6: seed is '1.5': write a whole number"),
        (PLAIN.replace("m,1,86.25", 'm,"1,000",86.25'), "line 6: seed is '1,000': write a whole number"),
        (PLAIN.replace("m,1,86.25", "m,1,NA"), "line 6: accuracy 'NA' is not a number: give the run a status"),
        *(
            (PLAIN.replace("m,1,86.25", f"m,1,{text}"), f"line 6: accuracy {text!r} is a mean and its spread")
            for text in ("86.25 ± 0.31", "86.25% +/- 0.31", "86.25 +- 0.3", "86.25 (0.31)")
        ),
        (PLAIN.replace("m,1,86.25", "m,1,8.6.25"), "line 6: accuracy '8.6.25' is not a number"),
        (with_column("status", "crashed"), "line 2: status is 'crashed', but accuracy 80.5"),
        ("# a\n" + PLAIN.replace("m,1,86.25", "m,1,186.25"), "line 7: accuracy 186.25 lies outside 0 to 100"),
        (LINES[0] + ",status\nd,s,random_sampling,0,,oom\nd,s,m,0,nan,oom\n", "every run failed (2 oom)"),
        ("id,task,framework,fold,result\n", "none called acc or metric"),
        (AUTOML.replace(",acc,", ",balacc,"), "holds no accuracy: its results are of another metric"),
        (PLAIN.replace("m,1", "M,1"), "line 6: method 'M' is 'm' on line 5: spell it the same"),
        (PLAIN.replace("d,s,m,1", "D,s,m,1"), "line 6: dataset 'D' is 'd' on line 2"),
        (PLAIN.replace("m,1", "m x,1").replace("m,2", "m\u00a0x,2"), "line 7: method 'm\\xa0x' is 'm x' on line 6"),
        (PLAIN + "mean,,,,84.0\n", "line 8: space is empty: write its name, or remove the line if it is no run"),
        (PLAIN + "Note: of 2019\n", "line 8: 1 values under 5 columns, separated by ',': write all its values, empty"),
        (PLAIN.replace("m,1", "m\0,1"), "line 6 holds a zero byte"),
        (PLAIN.replace(",m,1", ',"m \\"new\\"",1'), "(line 6: "),
        ("My results,,,,\n\n" + PLAIN, "the names of the columns are on line 3: remove the lines above it"),
        ("% by MATLAB\n" + SEMICOLON, "the names of the columns are on line 2: remove"),
        ('[{"dataset": "d", "space": "s"}]', "is JSON: save its table as"),
        ("<html><body>404</body></html>", "is HTML or XML: save its table as"),
        ("PK\3\4\n\0", "is a workbook or another archive: save its table as"),
        ("Random DARTS,DARTS,DARTS\n96,97,98\n", "line 1: column DARTS is there twice"),
        ("Random DARTS,DARTS,DARTS.1\n96,97,98\n", "line 1: column DARTS is there twice"),
        ("A,B\n1,2\n", "no column dataset, space, method, seed, accuracy among its 2 columns separated by ',': A, B"),
    ],
)
def test_what_cannot_be_read_is_one_line_and_changes_nothing(text, says, tmp_path, capsys):
    path, out = write(tmp_path / "r.csv", text), tmp_path / "out"
    assert main(["tables", "--records", str(path), "--out", str(out)]) == 2
    said = capsys.readouterr().err
    assert says in said and said.count("\n") == 1 and not out.exists()


def test_text_of_another_coding_is_refused_at_its_line(tmp_path):
    with pytest.raises(UserError, match="line 6 holds a byte that UTF-8 does not know"):
        read_csv(write(tmp_path / "r.csv", PLAIN.replace("m,1", "caf\u00e9,1"), "cp1252"))


def test_nothing_is_relative_to_a_baseline_of_zero(tmp_path):
    text = "\n".join([LINES[0], *(f"{d},s,random_sampling,{i},{b}" for d, b in (("d", 0), ("e", 50)) for i in range(8)),
                      *(f"{d},s,m,{i},{5 + i + 50 * (d == 'e')}" for d in "de" for i in range(8))])  # fmt: skip
    write_tables(Analysis(read_results(write(tmp_path / "r.csv", text))), tmp_path / "out")
    row, other = pd.read_csv(tmp_path / "out/relative_improvement.csv").to_dict("records")
    assert row["verdict"] == UNDEFINED and np.isnan(row["p"]) and np.isnan(row["ri"]) and other["verdict"] == "better"
    assert other["p_holm"] == other["p"]  # the other row is the only test
    assert pd.read_csv(tmp_path / "out/methods.csv")["datasets"].item() == 1
    shown = (tmp_path / "out/verdicts.md").read_text()
    assert UNDEFINED in shown and "the random architectures' mean is 0" in shown


def test_a_baseline_of_zero_everywhere(tmp_path):
    text = "\n".join(
        [LINES[0], *(f"d,s,random_sampling,{i},0" for i in range(3)), *(f"d,s,m,{i},{5 + i}" for i in range(3))]
    )
    analysis = Analysis(read_results(write(tmp_path / "r.csv", text)))
    assert [frame["verdict"].item() for frame in (analysis.relative_improvement, analysis.pooled)] == [UNDEFINED] * 2


def test_a_mean_of_zero_is_worse_than_any_other(tmp_path):
    text = "\n".join(
        [LINES[0], *(f"d,s,random_sampling,{i},{50 + i}" for i in range(8)), *(f"d,s,m,{i},0" for i in range(8))]
    )
    row = Analysis(read_results(write(tmp_path / "r.csv", text))).relative_improvement.iloc[0]
    assert row["verdict"] == "worse" and row["ri"] == -100


def test_wide_tables_are_read_column_by_column(tmp_path):
    found = runs(read_csv(write(tmp_path / "CIFAR10.csv", WIDE)))
    assert len(found) == 11 and ("CIFAR10", "DARTS", "random_sampling", 2, 96.5) in found
    assert [run[3:] for run in found if run[1:3] == ("MANAS", "MANAS-LS")] == [(0, 97.0), (2, 97.4)]
    judged = Analysis(read_results(tmp_path / "CIFAR10.csv")).relative_improvement
    assert set(judged["method"]) == {"DARTS", "MANAS-LS"}


def test_a_wide_table_without_a_baseline_of_each_method(tmp_path, capsys):
    path = write(tmp_path / "tricks.csv", "Random DARTS,DARTS,Base\n95.1,95.3,96.1\n94.9,95.0,96.2\n")
    with pytest.raises(UserError, match="column Base has no column 'Random Base' .*harness convert"):
        read_csv(path)
    found = runs(read_csv(path, Asked(baseline="Base", dataset="cifar10", space="darts")))
    assert ("cifar10", "darts", "random_sampling", 1, 96.2) in found and len(found) == 6
    with pytest.raises(UserError, match="has no method Bass: its methods are Base, DARTS, Random DARTS"):
        read_csv(path, Asked(baseline="Bass"))


def test_results_of_auto_ml_benchmark(tmp_path):
    path = write(tmp_path / "results.csv", AUTOML)
    with pytest.raises(UserError, match="no baseline for space 1h on dataset kc2"):
        read_csv(path)
    rows = read_csv(path, Asked(baseline="RandomForest"))
    assert runs(rows)[:2] == [("kc2", "1h", "random_sampling", 0, 0.79), ("kc2", "1h", "random_sampling", 1, 0.91)]
    assert [(row["accuracy"], row["status"]) for row in rows[2:3]] == [(0.83, "done")]
    assert rows[3]["status"] == "Error: out of memory" and len(rows) == 4


def test_converted_files_are_read_as_the_same(tmp_path, capsys):
    for name in ("CIFAR10", "MIT67"):
        write(tmp_path / f"{name}.csv", WIDE)
    files = [str(tmp_path / f"{name}.csv") for name in ("CIFAR10", "MIT67")]
    assert main(["convert", *files, "--out", str(tmp_path / "all.csv")]) == 0
    assert runs(read_csv(tmp_path / "all.csv")) == [run for file in files for run in runs(read_csv(tmp_path / file))]
    assert (
        main(["convert", str(write(tmp_path / "a.csv", AUTOML)), "--baseline", "RandomForest", "--out", files[0]]) == 0
    )
    again = read_csv(tmp_path / files[0])
    assert [row["status"] for row in again] == ["done"] * 3 + [
        "Error: out of memory"
    ] and "22 runs" in capsys.readouterr().out


def test_a_file_for_each_method(tmp_path, capsys):
    """The baseline of one stands in another."""
    for name, lines in (("random", LINES[1:4]), ("m", LINES[4:])):
        write(tmp_path / f"{name}.csv", "\n".join([LINES[0].replace("dataset,", ""), *(line[2:] for line in lines)]))
    files, out = [str(tmp_path / f"{name}.csv") for name in ("m", "random")], tmp_path / "all.csv"
    assert main(["convert", *files, "--dataset", "d", "--out", str(out)]) == 0
    assert sorted(runs(read_csv(out))) == sorted(RUNS)
    out.unlink()
    assert main(["convert", files[0], *files, "--dataset", "d", "--out", str(out)]) == 2
    said = capsys.readouterr().err
    assert "FILE..., line 2 of" in said and "the same run as line 2 of" in said and not out.exists()
    assert main(["convert", *files, "--dataset", "d", "--baseline", "Bass", "--out", str(out)]) == 2
    assert "has no method Bass: its methods are m, random_sampling" in capsys.readouterr().err


def test_memory_does_not_grow_with_the_number_of_architectures(tmp_path):
    """15,625 random architectures took gigabytes: 20,000 arrangements of them all at once."""
    rng = np.random.default_rng(0)
    random, method = rng.normal(90, 2, 3000).clip(0, 100), rng.normal(91, 1, 20)
    lines = [f"d,s,random_sampling,{i},{value:.3f}" for i, value in enumerate(random)]
    lines += [f"d,s,m,{i},{value:.3f}" for i, value in enumerate(method)]
    analysis = Analysis(read_results(write(tmp_path / "r.csv", "\n".join([LINES[0], *lines]))))
    tracemalloc.start()
    assert analysis.relative_improvement["verdict"].tolist() == ["better"]
    assert tracemalloc.get_traced_memory()[1] < 200e6  # all at once: 480 MB
    tracemalloc.stop()
