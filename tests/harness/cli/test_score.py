"""`score`: what a search would be told, as CSV, and bad input in one line."""

import csv
import io

import pytest

from harness.__main__ import main
from harness.plan import registry
from harness.plan.jobs import Search
from harness.running.inputs import device
from harness.running.short_training import ShortTraining
from protocols.base import Fidelity
from protocols.datasets import load
from tests import portable

SPACE = registry.space("nasbench201")
TEXT = "|skip_connect~0|+|nor_conv_1x1~0|none~1|+|none~0|none~1|avg_pool_3x3~2|"
ASKED = {"--protocol": "smoke", "--dataset": "digits", "--space": "nasbench201"}


def words(**more):
    asked = ASKED | {f"--{name}": value for name, value in more.items()}
    return ["score", *(word for pair in asked.items() for word in pair)]


def test_scores_are_those_of_a_search(tmp_path, capsys):
    portable.dataset(tmp_path)
    names = ("params", "synflow", "fisher", "grad_norm", "grasp", "reduced_resolution")
    chosen = [word for name in names for word in ("--proxy", name)]
    assert main([*words(data=str(tmp_path), arch=TEXT, seed="3"), *chosen]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(row["arch"], row["proxy"]) for row in rows] == [(TEXT, name) for name in names]
    job = Search("smoke", "digits", "nasbench201", "random_sampling", 3)
    training = ShortTraining(job, SPACE, load(tmp_path), device())
    expected = [training.score(name, SPACE.parse(TEXT)) for name in names[:-1]]
    expected.append(training(SPACE.parse(TEXT), Fidelity(1, resolution=0.5)).accuracy)
    assert [float(row["score"]) for row in rows] == pytest.approx(expected, rel=1e-4)  # shared passes: rounding
    assert all(float(row["seconds"]) > 0 for row in rows)


def test_random_architectures_are_those_of_sample(tmp_path, capsys):
    portable.dataset(tmp_path)
    assert main([*words(data=str(tmp_path), proxy="params", seed="1"), "-n", "2"]) == 0
    scored = [row["arch"] for row in csv.DictReader(io.StringIO(capsys.readouterr().out))]
    assert main(["sample", "--space", "nasbench201", "--seed", "1", "-n", "2"]) == 0
    assert scored == capsys.readouterr().out.split("\n")[:2]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"proxy": "synflo"}, "did you mean synflow"),
        ({"arch": "foo"}, "node 1 is 'foo'"),
        ({"protocol": "lookup"}, "has no networks that could be scored"),
        ({"dataset": "table:x#y"}, "has no networks that could be scored"),
        ({"data": "/nowhere"}, "not a prepared dataset"),
    ],
)
def test_bad_input_is_one_line(changed, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(words(**changed)) != 0
    printed = capsys.readouterr()
    assert said in printed.err and len(printed.err.splitlines()) == 1 and not printed.out
