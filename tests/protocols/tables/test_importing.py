"""Sources become tables, or are refused in one line: mistakes in columns, test accuracy in the place of validation."""

import pytest

from harness.__main__ import main
from protocols.tables.base import Table
from protocols.tables.parts.importing import formats, import_table
from spaces.base import UserError
from tests.protocols.tables.sources import ABOUT, SPACE, rows, written


def imported(folder, frame=None, about=ABOUT, space=SPACE, **options):
    return import_table([written(folder / "source", frame, about, space)], folder / "out", **options)


def changed(where, **columns):
    frame = rows().astype(dict.fromkeys(columns, object))
    for name, value in columns.items():
        frame.loc[where, name] = value
    return frame


COUNTED = ABOUT.replace("latency_phone: {column: ms, unit: ms}", "parameters: ms")
FRAMES = {
    "row 3, architecture '7-3': .*expected .*one of 2, 3, 4 for depth": lambda: changed(2, model="7-3"),
    "outside 0 to 1": lambda: changed(5, va=105),
    "holds other things than numbers": lambda: changed(5, va="n/a?"),
    "two values of validation for 2-3 on birds": lambda: changed(1, epoch=5),
    "epochs 5.5: a whole number": lambda: changed(1, epoch=5.5),
    "has no dataset": lambda: changed(1, task=None),
    "no column 'tst': it has model": lambda: rows().drop(columns="tst"),
    "-1.0 seconds": lambda: changed(4, time=-1),
    "is `unit: fraction` meant": lambda: rows().assign(va=rows().va / 100, tst=rows().tst / 100),
}


@pytest.mark.parametrize("said", FRAMES)
def test_mistakes_in_the_rows(said, tmp_path):
    with pytest.raises(UserError, match=said) as caught:
        imported(tmp_path, FRAMES[said]())
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


ABOUTS = {
    "metrics: Field required": ABOUT.partition("metrics:")[0],
    "columns.archs: Extra inputs": ABOUT.replace("arch:", "archs:"),
    "unit: Input should be 'percent'": ABOUT.replace("percent", "per mille"),
    "unit 'mm' of an accuracy must be one of": ABOUT.replace("va\n", "{column: va, unit: mm}\n"),
    "has no epochs: name its column": ABOUT.replace(", epochs: epoch", ""),
    "nowhere.csv": ABOUT.replace("results.csv", "nowhere.csv"),
    "names no file": ABOUT.replace("file: results.csv", ""),
    "unknown space 'phone'": ABOUT.replace("file:space.yaml", "phone"),
    "is not YAML": "a: [",
    "holds no keys": "- a",
}


@pytest.mark.parametrize("said", ABOUTS)
def test_mistakes_in_the_description(said, tmp_path):
    with pytest.raises(UserError, match=said) as caught:
        imported(tmp_path, about=ABOUTS[said])
    assert "\n" not in str(caught.value)


def test_parameters_are_counts(tmp_path):
    with pytest.raises(UserError, match="parameters that are no whole number: give counts"):
        imported(tmp_path, about=COUNTED)
    table = imported(tmp_path, rows().assign(ms=1000), about=COUNTED)
    assert table.costs("2-3", "birds") == {"parameters": 1000}


def test_test_accuracy_is_no_validation_accuracy(tmp_path):
    only = ABOUT.replace("  validation: va\n", "")
    with pytest.raises(UserError, match="no validation accuracy of its own on birds, cars.*--validation test"):
        imported(tmp_path, about=only)
    table = imported(tmp_path, about=only, validation="test")
    assert table.facts["validation"] == "test" and "test values" in table.warning
    assert table.validation("2-5", "birds").accuracy == table.test("2-5", "birds")
    assert table.fidelities("birds") == (5, 10)
    with pytest.raises(UserError, match="leave out --validation test"):
        imported(tmp_path, validation="test")


def test_a_copy_of_the_test_column_is_seen(tmp_path):
    for frame in (
        rows().assign(va=rows().tst),  # the same everywhere
        rows().assign(va=rows().tst.where(rows().task == "cars", rows().va)),  # on one dataset
        rows().assign(va=rows().tst.where(rows().run == 0).ffill()),  # those of one run, which is what NASLib has
    ):
        with pytest.raises(UserError, match="the validation accuracies of dataset .* are its test accuracies"):
            imported(tmp_path, frame)


@pytest.mark.parametrize("name", ["val_c10_is_oritest_s888", "is_xtest", "va_is_test"])
def test_a_column_that_says_it_is_test_is_no_validation(name, tmp_path):
    with pytest.raises(UserError, match="says that it holds test values"):
        imported(tmp_path, rows().rename(columns={"va": name}), ABOUT.replace("va\n", f"{name}\n"))


def test_a_wide_file_with_a_column_for_each_decision(tmp_path):
    about = """
space: file:space.yaml
file: results.csv
unit: percent_error
columns: {arch: {depth: d, kernel: k}}
fixed: {dataset: birds, epochs: 90}
metrics:
  validation: {column: va9, epochs: 9}
  test: [{column: a, seed: 0}, {column: b, seed: 1}]
"""
    import pandas as pd

    pairs = [(d, k) for d in (2, 3, 4) for k in (3, 5)]
    frame = pd.DataFrame(
        [(d, k, 10 * d, 9 * d + k, 9 * d + k + 1) for d, k in pairs], columns=["d", "k", "va9", "a", "b"]
    )
    table = imported(tmp_path, frame, about)
    assert table.fidelities("birds") == (9,) and table.fidelities("birds", "test") == (90,)
    assert table.validation("3-5", "birds").accuracy == pytest.approx(0.7)
    assert table.test("3-5", "birds") == pytest.approx(1 - 0.325)
    assert table.seeds("3-5", "birds") == ()


def test_axes_in_the_names_of_columns(tmp_path):
    import pandas as pd

    frame = pd.DataFrame({"arch": ["2-3", "4-5", "3-3"], "note": "x"})
    for dataset, more in (("birds", 0.0), ("sea_cows", 0.2)):
        for epochs in (5, 50):
            frame[f"v{epochs}_{dataset}"] = [0.1 + more + epochs / 100, 0.2 + more, 0.3]
        for seed in (0, 1):
            frame[f"{dataset}_acc{seed}"] = [60 + seed, 70 + seed, 80 + seed]
    about = """
space: file:space.yaml
file: results.csv
columns: {arch: arch}
fixed: {epochs: 50}
metrics:
  validation: "v{epochs}_{dataset}"
  test: {column: "{dataset}_acc{seed}", unit: percent}
"""
    table = imported(tmp_path, frame, about)
    assert table.datasets == ("birds", "sea_cows") and table.fidelities("sea_cows") == (5, 50)
    assert table.validation("2-3", "sea_cows", 5).accuracy == pytest.approx(0.35)
    assert table.test("4-5", "birds") == pytest.approx(0.705)
    for wrong, said in (
        ("w{epochs}", "no column is like 'w{epochs}'"),
        ("v{epoch}", "only dataset, seed, epochs may stand"),
    ):
        with pytest.raises(UserError, match=said):
            imported(tmp_path, frame, about.replace("v{epochs}_{dataset}", wrong))


def test_the_same_source_gives_the_same_bytes(tmp_path):
    for name in "ab":
        imported(tmp_path / name)
    first, second = ((tmp_path / name / "out") for name in "ab")
    assert {file.name for file in first.iterdir()} == {"table.parquet", "table.json", "space.yaml"}
    for file in first.iterdir():
        assert file.read_bytes() == (second / file.name).read_bytes()


def test_another_folder_is_not_overwritten(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/thesis.txt").write_text("years of work")
    with pytest.raises(UserError, match="is no table: name another folder"):
        imported(tmp_path)
    assert (tmp_path / "out/thesis.txt").exists()


def test_the_commands(tmp_path, capsys):
    source = written(tmp_path / "source")
    assert main(["table", "import", str(source), "--into", str(tmp_path / "phones")]) == 0
    assert "6 architectures of file:" in capsys.readouterr().out
    assert main(["table", "describe", str(tmp_path / "phones")]) == 0
    said = capsys.readouterr().out
    assert "validation accuracies are the table's own" in said and "latency_phone" in said
    row = next(line.split() for line in said.splitlines() if line.split()[:3] == ["birds", "validation", "10"])
    assert row[3:] == ["6", "0", "35.5", "35.5", "18.7083", "10.5", "60.5", "2", "0.7071"]  # 10.5, 20.5, …
    row = next(line.split() for line in said.splitlines() if line.split()[:4] == ["birds", "validation", "10", "test"])
    assert row[5:8] == ["6", "-1.0", "-1.0"]  # in reverse order, on purpose
    part = written(tmp_path / "part", rows()[lambda frame: frame.model != "3-5"])
    assert main(["table", "import", str(part), "--into", str(tmp_path / "part")]) == 2  # which holds other files
    assert main(["table", "import", str(part), "--into", str(tmp_path / "fewer")]) == 0
    assert "1 architectures of the space have no validation accuracy" in capsys.readouterr().out
    only = written(tmp_path / "only", about=ABOUT.replace("  validation: va\n", ""))
    assert main(["table", "import", str(only), "--into", str(tmp_path / "t")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert main(["table", "import", str(only), "--into", str(tmp_path / "t"), "--validation", "test"]) == 0
    assert main(["table", "describe", str(tmp_path / "t")]) == 0
    assert "WARNING: Validation accuracies of table t are test values." in capsys.readouterr().out
    assert Table.read(tmp_path / "t").fidelities("cars") == (5, 10)


def test_unknown_sources_name_the_formats(tmp_path):
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    with pytest.raises(UserError, match="no known kind of table.*nasbench201_csv: "):
        import_table([tmp_path / "x.csv"], tmp_path / "out")
    with pytest.raises(UserError, match="does not exist"):
        import_table([tmp_path / "y.csv"], tmp_path / "out")
    with pytest.raises(UserError, match="unknown format 'decl': did you mean declared"):
        import_table([tmp_path / "x.csv"], tmp_path / "out", "decl")
    assert {"declared", "nasbench201_csv", "nats_bench_csv"} <= set(formats())
