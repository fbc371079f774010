"""The outer search for a cost finds the weight that it is asked for."""

import json
from pathlib import Path

import pandas as pd
import pytest

from harness import __main__ as main
from harness.plan import datasets
from harness.plan.jobs import Search
from harness.running import frontier
from harness.running.frontier import Probe
from protocols.datasets.parts.store import prepare
from spaces.base import UserError


def falling(asked):
    """Cost falls as 1000 / value; remembers what was asked."""

    def probe(value):
        asked.append(value)
        return Probe(value, round(1000 / value), 1, "a")

    return probe


def test_bisection_by_hand():
    asked = []
    found = frontier.bisect(falling(asked), 1, 16, 500, 0.01, 8)
    assert asked == [1, 16, 4, 2]  # the roots of 16, 4
    assert found[-1].macs == 500


def test_an_end_that_fits_is_taken_and_the_number_of_searches_is_bounded():
    assert len(frontier.bisect(falling([]), 2, 16, 500, 0.01, 8)) == 2
    assert len(frontier.bisect(falling([]), 1, 1000, 333, 0.0001, 5)) == 5


def test_a_cost_that_neither_end_brackets_is_refused():
    with pytest.raises(UserError, match="5,000 multiply-adds are outside of what is found at 1 .1,000. and at 16"):
        frontier.bisect(falling([]), 1, 16, 5000, 0.01, 8)


def test_real_searches(tmp_path, monkeypatch, capsys):
    """A heavy cost term finds cheaper networks than none; every probe is a record, table and figure are there."""
    monkeypatch.chdir(tmp_path)
    prepare(datasets.named("digits"), 8, tmp_path / "digits")
    fields = {"warmup": 0.0, "threshold_lr": 1.0}
    job = Search("smoke", "digits", "single_path", "single_path", 0, tuple(sorted(fields.items())))
    probe = frontier.prober(job, "cost_weight", Path("digits"), Path("probes"), Path("work"))
    dear, cheap = probe(0.001), probe(1000.0)
    assert dear.macs > cheap.macs
    arguments = ["--protocol", "smoke", "--dataset", "digits", "--space", "single_path", "--method", "single_path"]
    arguments += ["--data", "digits", "--out", "out", "--set", "warmup=0.0", "--set", "threshold_lr=1.0"]
    arguments += ["--low", "0.001", "--high", "1000", "--most", "2", "--macs", str((dear.macs + cheap.macs) // 2)]
    assert main.main(["frontier", *arguments]) == 0
    best = json.loads(capsys.readouterr().out.splitlines()[-1])
    table = pd.read_csv("out/frontier.csv")
    assert table["cost_weight"].tolist() == [0.001, 1000]
    assert table["macs"].tolist() == [dear.macs, cheap.macs]
    assert best["arch"] in (dear.arch, cheap.arch)
    assert best["off"] == pytest.approx(2 * best["macs"] / (dear.macs + cheap.macs) - 1, abs=1e-3)
    assert len(list((tmp_path / "out").glob("cost_weight-*.json"))) == 2
    assert (tmp_path / "out/frontier.png").stat().st_size and (tmp_path / "out/frontier.svg").stat().st_size
