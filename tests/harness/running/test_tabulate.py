"""A table that this project trains: a few classes, killed and resumed, and what a search would have been told."""

import dataclasses
import functools
import json

import pytest

from harness.__main__ import main
from harness.plan import registry
from harness.running import tabulate
from harness.running.short_training import ShortTraining
from harness.running.tabulate import Maker, make
from harness.running.tabulation import Plan
from protocols.base import Fidelity
from protocols.datasets import load
from protocols.tables.base import Table
from spaces.base import UserError
from tests import portable

SPACE = registry.space("nasbench201")
TEXTS = (
    "|none~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|",
    "|nor_conv_1x1~0|+|none~0|avg_pool_3x3~1|+|none~0|nor_conv_1x1~1|skip_connect~2|",
    "|none~0|+|none~0|none~1|+|nor_conv_1x1~0|none~1|skip_connect~2|",
)


@functools.cache
def few():
    plan = Plan("tabular", "digits", "nasbench201", seeds=2, sampled=6466)
    return [question for question in plan.questions(SPACE) if SPACE.text(question[0]) in TEXTS]


@dataclasses.dataclass(frozen=True)
class Few(Plan):
    def questions(self, space):
        return few()


PLAN = Few("tabular", "digits", "nasbench201", seeds=2, sampled=6466)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    portable.dataset(folder)
    return folder


@pytest.fixture(scope="module")
def whole(data, tmp_path_factory):
    """A folder with a table and the journal that it was written from."""
    folder = tmp_path_factory.mktemp("whole")
    make(PLAN, data, folder / "table", folder / "journal", None, print)
    return folder


def test_each_class_comes_once_before_any_comes_again():
    questions = Plan("tabular", "digits", "nasbench201", 3, 1000).questions(SPACE)
    first, again = questions[:6466], questions[6466:]
    assert {seed for _, seed in first} == {0} and len({SPACE.isomorphism(arch) for arch, _ in first}) == 6466
    assert len(again) == 2000 and [seed for _, seed in again[:4]] == [1, 2, 1, 2]
    assert {arch for arch, _ in again} < {arch for arch, _ in first}
    assert again == Plan("tabular", "digits", "nasbench201", 3, 1000).questions(SPACE)[6466:]


def test_a_row_is_what_a_search_is_told_and_the_test_accuracy_of_the_same_network(data, whole):
    table, loaded = Table.read(whole / "table"), load(data)
    assert table.fidelities("digits") == table.fidelities("digits", "test") == (1, 3)
    found = []
    for text in TEXTS[1:]:
        for seed in (0, 1):
            training = ShortTraining(PLAN.job(seed), SPACE, loaded, tabulate.device())
            for epochs in (1, 3):
                trainer, _ = training.trained(SPACE.parse(text), Fidelity(epochs))
                validation, test = (training.accuracy(trainer, split) for split in (loaded.val, loaded.test))
                assert table.validation(text, "digits", epochs, seed).accuracy == validation
                assert table.runs("digits", "test", epochs)[seed][table.archs.index(text)] == test
                found.append((validation, test))
        costs = table.costs(text, "digits")
        assert {name: costs[name] for name in ("macs", "parameters")} == {
            name: training.cost(name, SPACE.parse(text)) for name in ("macs", "parameters")
        }
    assert any(validation != test for validation, test in found)
    equal = "|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|"  # the first of TEXTS, written otherwise
    assert table.test(equal, "digits") == table.test(TEXTS[0], "digits")


def test_a_run_that_was_killed_goes_on_and_writes_the_same_bytes(data, whole, tmp_path, monkeypatch):
    lines = (whole / "journal").read_bytes().splitlines(keepends=True)
    assert len(lines) == 1 + 6
    (tmp_path / "journal").write_bytes(b"".join(lines[:3]) + lines[3][:25])  # killed while it wrote
    trained, train = [], Maker.train
    monkeypatch.setattr(Maker, "train", lambda self, *key: trained.append(key) or train(self, *key))
    make(PLAN, data, tmp_path / "table", tmp_path / "journal", None, print)
    assert len(trained) == 4
    assert (tmp_path / "journal").read_bytes() == b"".join(lines)
    for name in ("table.parquet", "SHA256SUMS"):
        assert (tmp_path / "table" / name).read_bytes() == (whole / "table" / name).read_bytes()


def test_after_its_hours_the_table_holds_what_is_trained(data, whole, tmp_path):
    lines = (whole / "journal").read_bytes().splitlines(keepends=True)
    (tmp_path / "journal").write_bytes(b"".join(lines[:4]))
    table = make(PLAN, data, tmp_path / "table", tmp_path / "journal", 0, print)
    assert len(table.archs) == 3 and table.runs("digits").keys() == {0}


@pytest.mark.parametrize("same", [True, False])
def test_other_code_goes_on_where_it_gives_the_same(data, whole, tmp_path, same):
    lines = (whole / "journal").read_text().splitlines(keepends=True)
    lines[0] = lines[0].replace('"code": "', '"code": "f')
    if not same:
        changed = json.loads(lines[1])
        changed["rows"][0][1] += 0.005
        lines[1] = json.dumps(changed) + "\n"
    (tmp_path / "journal").write_text("".join(lines))
    if same:
        make(PLAN, data, tmp_path / "table", tmp_path / "journal", 0, print)
        assert '"code": "f' not in (tmp_path / "journal").read_text().splitlines()[-1]
        return
    with pytest.raises(UserError, match="made by other code, and today's gives"):
        make(PLAN, data, tmp_path / "table", tmp_path / "journal", 0, print)


def test_trainings_of_something_else_are_refused(data, whole, tmp_path):
    (tmp_path / "journal").write_bytes((whole / "journal").read_bytes())
    with pytest.raises(UserError, match="by another protocol"):
        make(dataclasses.replace(PLAN, protocol="smoke"), data, tmp_path / "table", tmp_path / "journal", 0, print)
    (tmp_path / "journal").write_text('{"identity": 5\n')
    with pytest.raises(UserError, match="line 1 was changed"):
        make(PLAN, data, tmp_path / "table", tmp_path / "journal", 0, print)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"--space": "darts"}, "space darts has 1.08e+18 architectures"),
        ({"--protocol": "lookup"}, "made by training"),
        ({"--dataset": "table:x#y"}, "made by training"),
        ({"--into": "."}, "is no table"),
        ({"--sampled": "0"}, "not a whole number"),
        ({"--dataset": "digit"}, "digits"),
    ],
)
def test_bad_input_is_one_line(changed, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    asked = {"--protocol": "tabular", "--dataset": "digits", "--space": "nasbench201", "--into": "table"} | changed
    assert main(["table", "make", *(word for pair in asked.items() for word in pair)]) != 0
    error = capsys.readouterr().err
    assert said in error and "Traceback" not in error
    assert not list(tmp_path.iterdir())


def test_verify_knows_tables(whole, tmp_path, capsys):
    assert main(["verify", str(whole / "table")]) == 0
    assert "3 architectures" in capsys.readouterr().out
    for file in (whole / "table").iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    facts = (tmp_path / "table.json").read_text()
    (tmp_path / "table.json").write_text(facts.replace("32 training", "33 training"))
    assert main(["verify", str(tmp_path)]) != 0
    assert "was changed" in capsys.readouterr().err
