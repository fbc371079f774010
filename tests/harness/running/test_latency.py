"""Latency tables: measured, read by a search, part of what its record was made from."""

import json

import pytest

from harness import __main__ as main
from harness.plan import registry
from harness.plan.jobs import Search
from methods.parts.costs import option_costs
from spaces.base import Size

TINY = Size(channels=2, cells=20, classes=4, image=32)


@pytest.mark.parametrize("space", ["fbnet", "single_path"])
def test_a_measured_table_is_one_that_a_search_takes(space, tmp_path):
    path = tmp_path / "latency.json"
    arguments = ["--space", space, "--out", str(path), "--channels", "2", "--image", "32", "--repeats", "3"]
    assert main.main(["latency", *arguments]) == 0
    table = json.loads(path.read_text())
    constant, options = option_costs(registry.space(space), TINY, "macs", str(path))
    assert constant == table["constant"] >= 0
    assert [len(row) for row in options] == list(registry.space(space).choices)
    heavy, skipped = max(options[3]), options[3][-1]
    assert skipped < heavy  # to skip a layer is faster than its largest block
    assert table["machine"] and table["repeats"] == 3


def test_a_space_without_layers_has_none(tmp_path, capsys):
    assert main.main(["latency", "--space", "darts", "--out", str(tmp_path / "x.json")]) == 2
    assert "no layers whose times add up" in capsys.readouterr().err


def test_another_table_is_another_search(tmp_path):
    path = tmp_path / "latency.json"
    job = Search("smoke", "digits", "fbnet", "fbnet", 0, (("latency_table", str(path)),))
    table = {"machine": "m", "channels": 2, "image": 8, "constant": 0, "options": []}
    prints = []
    for constant in (0, 1, 0):
        path.write_text(json.dumps({**table, "constant": constant}))
        prints.append(job.fingerprint())
    assert prints[0] == prints[2] != prints[1]
