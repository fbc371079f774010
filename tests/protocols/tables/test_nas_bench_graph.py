"""NAS-Bench-Graph's files: numbers are links and operations; other architectures make another table."""

import importlib.util
import pickle
from pathlib import Path

import numpy as np
import pytest

from harness.plan import registry
from protocols.tables.parts.importing import import_table
from spaces.base import UserError


def bench(path, numbers):
    content = {
        number: {"valid_perf": 0.5 + number / 1e6, "perf": 0.6 + k / 100, "latency": 0.01, "para": np.float64(1.5)}
        for k, number in enumerate(numbers)
    }
    path.write_bytes(pickle.dumps(content, protocol=3))


def test_numbers_are_links_and_operations(tmp_path):
    for name in ("cora", "pubmed"):
        bench(tmp_path / f"{name}.bench", (0, 10357, 88887))
    bench(tmp_path / "proteins.bench", (11111,))
    table = import_table([tmp_path], tmp_path / "out")
    assert table.datasets == ("cora", "pubmed")
    assert table.archs == ("0000:gat,gat,gat,gat", "0001:gat,cheb,arma,fc", "0123:skip,skip,skip,fc")
    assert table.validation("0001:gat,cheb,arma,fc", "cora").accuracy == pytest.approx(0.510357)
    assert table.optimum("pubmed") == ("0123:skip,skip,skip,fc", pytest.approx(0.62))
    assert any("proteins" in note and "left out" in note for note in table.facts["notes"])
    space = registry.space(table.space)
    assert [space.text(arch) for arch in space.listed] == list(table.archs)
    assert import_table([tmp_path / "proteins.bench"], tmp_path / "other").archs == ("0001:gcn,gcn,gcn,gcn",)


def test_the_package(tmp_path):
    if importlib.util.find_spec("nas_bench_graph") is None:
        with pytest.raises(UserError, match="not installed: pip install -e"):
            import_table([Path("nas-bench-graph")], tmp_path / "out")
        return
    table = import_table([Path("nas-bench-graph")], tmp_path / "out")
    assert len(table.archs) == 26_206 and len(table.datasets) == 8
