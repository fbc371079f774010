"""The speed table: that it compares equal results and has its rows. No test depends on times."""

import importlib
import json
import sys
from dataclasses import replace
from functools import partial

import pytest
import torch

from benchmarks import bench, measuring
from harness import __main__ as main
from spaces.base import Size, UserError

TINY = measuring.Scale(
    device=torch.device("cpu"),
    search=Size(4, 2, 3, 8),
    batch=4,
    evaluation=Size(4, 2, 3, 8),
    evaluation_batch=4,
    cells=(2, 3),
    genotypes=2,
    image=8,
    images=32,
    pairs=1,
    seconds=0.0,
)


def test_the_whole_table(monkeypatch, tmp_path, capsys):
    """A row is measured only where ours and the naive form agree, so all of them do."""
    monkeypatch.setattr(bench, "scale", lambda where: TINY)
    assert main.main(["bench", "--json", str(tmp_path / "bench.json")]) == 0
    rows = json.loads((tmp_path / "bench.json").read_text())
    assert [row["name"] for row in rows] == [
        "darts_first_order",
        "darts_second_order",
        "evaluation_8_cells",
        "evaluation_20_cells",
        "enas",
        "fbnet",
        "single_path",
        "input_pipeline",
    ]
    for row in rows:
        assert set(row) == {"name", "ratio", "low", "high", "n"}
        assert 0 < row["low"] <= row["ratio"] <= row["high"]
        assert row["n"] == (2 if row["name"].startswith("evaluation") else 1)
    shown = capsys.readouterr().out
    assert all(row["name"] in shown for row in rows)


@pytest.mark.parametrize("module, name", [("darts", "darts_first_order"), ("fbnet", "fbnet"), ("enas", "enas")])
def test_no_ratio_of_unequal_searches(monkeypatch, module, name):
    reference = importlib.import_module(f"tests.reference.{module}")
    mixed = reference.mixed
    monkeypatch.setattr(reference, "mixed", lambda *arguments: mixed(*arguments) * 1.001)
    with pytest.raises(UserError, match=rf"{name}: our results differ .* no ratio of unequal things"):
        next(bench.measure(TINY, [name]))


def test_no_ratio_of_unequal_networks_and_images(monkeypatch):
    from benchmarks import evaluation, input_pipeline

    plain, ours = evaluation.plain, input_pipeline._ours
    monkeypatch.setattr(evaluation, "plain", lambda *a: torch.nn.Sequential(plain(*a), Louder()))
    with pytest.raises(UserError, match="evaluation_8_cells: our results differ"):
        next(bench.measure(TINY, ["evaluation_8_cells"]))
    monkeypatch.setattr(input_pipeline, "_ours", lambda *a: ours(*a).flip(2))
    with pytest.raises(UserError, match="input_pipeline: augmentation gives an image that torchvision does not"):
        next(bench.measure(TINY, ["input_pipeline"]))


def test_without_torchvision_one_line_says_how_to_get_it(monkeypatch, capsys):
    import benchmarks

    for name in ("torchvision", "torchvision.transforms"):  # an earlier test may have loaded both
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, "benchmarks.input_pipeline", raising=False)
    monkeypatch.delattr(benchmarks, "input_pipeline", raising=False)
    assert main.main(["bench"]) == 2
    cure = "pip install -e '.[test]' in a checkout"
    assert capsys.readouterr().err == f"error: bench compares with torchvision, which is not here: {cure}\n"


class Louder(torch.nn.Module):
    def forward(self, outputs):
        return outputs[0] * 1.001, outputs[1]


def test_the_form_for_gpus_runs_on_a_cpu(monkeypatch):
    """Compiled and in mixed precision, but without the code generator, which takes minutes per network on a CPU."""
    from benchmarks import evaluation

    compiled, train = [], evaluation._train
    compile_fast = partial(torch.compile, backend="eager")
    monkeypatch.setattr(torch, "compile", lambda network: compiled.append(network) or compile_fast(network))
    monkeypatch.setattr(evaluation, "_train", lambda *a: train(*a[:4], True, *a[5:]))
    (row,) = bench.measure(replace(TINY, compiled=True), ["evaluation_8_cells"])
    assert len(compiled) == row.n == 2


def test_calls_are_made_by_turns():
    calls = []
    times = measuring.pairs(
        lambda k: calls.append(("ours", k)), lambda k: calls.append(("naive", k)), replace(TINY, pairs=2)
    )
    assert calls == [("naive", 0), ("ours", 0), ("naive", 1), ("ours", 1)]
    assert len(times) == 2
    assert measuring.summary("x", [3.0, 1.0, 2.5]) == ("x", 2.5, 1.0, 3.0, 3)
