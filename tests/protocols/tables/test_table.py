"""Lookups: means and runs, gaps in one line, equal architectures, fidelities; nothing but pyarrow and numpy."""

import json
import math
import subprocess
import sys
import time
from itertools import product

import pytest

from harness.plan import registry
from protocols.tables.base import Table
from protocols.tables.parts.importing import import_table
from spaces.base import UserError
from tests.protocols.tables.sources import ARCHS, rows, written


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("tables")
    frame = rows()
    frame = frame[~((frame.model == "4-5") & (frame.task == "cars") & (frame.epoch == 10))]  # a gap
    frame = frame[~((frame.model == "3-3") & (frame.run == 1))]  # has run 0 alone
    import_table([written(place / "source", frame)], place / "phones")
    return place / "phones"


@pytest.fixture
def table(folder):
    return Table.read(folder)


def test_means_runs_and_seconds(table):
    assert table.archs == ARCHS and table.datasets == ("birds", "cars")
    assert table.fidelities("birds") == table.fidelities("birds", "test") == (5, 10)
    assert table.validation("2-5", "birds") == pytest.approx((0.205, 20.0))  # runs of 20 and 21
    assert table.validation("2-5", "birds", 5) == pytest.approx((0.155, 10.0))
    assert table.validation("2-5", "birds", 10, seed=1) == pytest.approx((0.21, 20.0))
    assert table.seeds("2-5", "birds") == (0, 1) and table.seeds("3-3", "birds") == (0,)
    assert table.validation("3-3", "birds").accuracy == pytest.approx(0.30)  # the mean of its one run
    assert table.test("2-3", "birds") == pytest.approx(0.62)
    assert table.costs("4-3", "cars") == {"latency_phone": 4.5}


def test_the_optimum_is_by_test_accuracy(table):
    assert table.optimum("birds") == ("2-3", pytest.approx(0.62))
    assert table.optimum("cars") == ("4-3", pytest.approx(0.52))  # 4-5 has no test accuracy at 10 epochs
    values = table.values("cars", "test")
    assert math.isnan(values[-1]) and values[:2].tolist() == pytest.approx([0.12, 0.22])


MISTAKES = {
    "9-9 is not in table phones": lambda t: t.validation("9-9", "birds"),
    "no validation accuracy of 4-5 on cars after 10 epochs": lambda t: t.validation("4-5", "cars"),
    "no test accuracy of 4-5 on cars": lambda t: t.test("4-5", "cars"),
    "no dataset 'bird': it has birds, cars": lambda t: t.validation("2-3", "bird"),
    "after 7 epochs: it has 5, 10": lambda t: t.validation("2-3", "birds", 7),
    "of 3-3 on birds after 10 epochs, run 1": lambda t: t.validation("3-3", "birds", seed=1),
    "epochs, run 8": lambda t: t.validation("3-3", "birds", seed=8),
}


@pytest.mark.parametrize("said", MISTAKES)
def test_what_is_not_there_is_said_in_one_line(said, table):
    with pytest.raises(UserError) as caught:
        MISTAKES[said](table)
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_a_lookup_is_fast(table):
    begin = time.perf_counter()
    for _ in range(2000):
        table.validation("2-5", "birds", 10, 1)
    assert time.perf_counter() - begin < 0.1  # 50 us each; about 2 are measured


def test_its_space_lies_beside_it(table, folder):
    assert registry.space(table.space).text((2, 1)) == "4-5"
    assert table.space == f"file:{folder / 'space.yaml'}"


def test_changes_after_the_import_are_seen(folder, tmp_path):
    for name, change, said in (
        ("table.parquet", lambda content: content[:-1], "was changed"),
        ("table.json", lambda content: content.replace(b'"own"', b'"mine"'), "must be"),
        ("table.json", lambda content: b"[]", "does not say 'space'"),
        ("table.json", lambda content: b"{", "is not JSON"),
    ):
        for file in folder.iterdir():
            (tmp_path / file.name).write_bytes(file.read_bytes())
        (tmp_path / name).write_bytes(change((folder / name).read_bytes()))
        with pytest.raises(UserError, match=said):
            Table.read(tmp_path)
    with pytest.raises(UserError, match="table import"):
        Table.read(tmp_path / "nowhere")


def test_equal_architectures_share_an_entry(tmp_path):
    """A table with one cell of each class answers for all of its class, and no other."""
    plain, swapped, other = (
        "|skip_connect~0|+|nor_conv_3x3~0|none~1|+|none~0|none~1|avg_pool_3x3~2|",
        "|skip_connect~0|+|none~0|nor_conv_3x3~1|+|none~0|none~1|avg_pool_3x3~2|",
        "|skip_connect~0|+|none~0|nor_conv_1x1~1|+|none~0|none~1|avg_pool_3x3~2|",
    )
    (tmp_path / "t.csv").write_text(f"arch,va,tst\n{plain},60,70\n")
    about = "space: nasbench201\nfile: t.csv\nunit: percent\ncolumns: {arch: arch}\nfixed: {dataset: d, epochs: 1}\n"
    (tmp_path / "t.yaml").write_text(about + "metrics: {validation: va, test: tst}\nclasses: true\n")
    table = import_table([tmp_path / "t.yaml"], tmp_path / "out")
    assert table.validation(swapped, "d") == table.validation(swapped, "d") == table.validation(plain, "d")
    assert table.test(swapped, "d") == 0.7
    space = registry.space("nasbench201")
    equal = [space.isomorphism(arch) == space.isomorphism(space.parse(plain)) for arch in product(range(5), repeat=6)]
    assert table.drawn() == [0] * sum(equal) and sum(equal) > 10  # the weight of the class in uniform draws
    with pytest.raises(UserError, match="not in table"):
        table.validation(other, "d")
    (tmp_path / "t.yaml").write_text(about + "metrics: {validation: va, test: tst}\n")
    with pytest.raises(UserError, match="not in table"):
        import_table([tmp_path / "t.yaml"], tmp_path / "out").validation(swapped, "d")


def test_reading_loads_neither_torch_nor_pandas(folder):
    code = f"from pathlib import Path; from protocols.tables.base import Table; Table.read(Path({str(folder)!r}))"
    code += "; import sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=registry.ROOT, capture_output=True, text=True, check=True)
    assert not {"torch", "pandas", "scipy", "pydantic"} & set(done.stdout.split())


def test_facts_are_plain_json(folder):
    facts = json.loads((folder / "table.json").read_text())
    assert facts["validation"] == "own" and facts["citation"] == "Nobody (2030)"
    assert set(facts["sources"]) == {"about.yaml", "results.csv"} and facts["units"] == {
        "seconds": "s",
        "latency_phone": "ms",
    }
