"""The speed table: that it compares equal results and has its rows. No test depends on times."""

import json
import sys
from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import nn

import benchmarks
from benchmarks import bench, measuring, peak, public_proxies, scores, trainings
from harness import __main__ as main
from harness.plan import registry
from spaces.base import Size, UserError
from spaces.parts.cpu import fuse

TINY = measuring.Scale(
    device=torch.device("cpu"),
    search=Size(4, 2, 3, 8),
    batch=4,
    evaluation=Size(4, 2, 3, 8),
    evaluation_batch=4,
    wide=Size(6, 2, 3, 8),
    wide_batch=2,
    cells=(2, 3),
    scored=Size(4, 3, 3, 8),
    scored_batch=6,
    networks=2,
    protocol="smoke",
    image=8,
    images=32,
    turns=1,
    seconds=0.0,
)


@pytest.mark.slow
def test_the_whole_table(monkeypatch, tmp_path, capsys):
    """A row is measured only where ours and the definition agree, so all of them do."""
    monkeypatch.setattr(bench, "scale", lambda where: TINY)
    monkeypatch.setattr(peak, "SIDES", {"cpu": 64})
    assert main.main(["bench", "--json", str(tmp_path / "bench.json")]) == 0
    table = json.loads((tmp_path / "bench.json").read_text())
    rows = {row["name"]: row for row in table["rows"]}
    assert list(rows) == [
        *("darts_first_order", "darts_second_order", "darts_first_order_wide"),
        *("evaluation_8_cells", "evaluation_20_cells"),
        *("enas", "fbnet", "single_path"),
        *(f"training_{space}" for space in registry.names("spaces")),
        *scores.NAMES,
        "input_pipeline",
    ]
    shown = capsys.readouterr().out
    assert f"peak {table['peak'] / 1e9:.1f} Gflop/s" in shown
    for name, row in rows.items():
        assert 0 < row["low"] <= row["ratio"] <= row["high"] and name in shown
        assert row["n"] == (2 if name in (*trainings.NAMES, *scores.ASKED) else 1)
        if name not in (*scores.NAMES, "input_pipeline"):
            assert row["ratio"] == min(row["layouts"].values()) and set(row["layouts"]) == set(measuring.LAYOUTS)
        if name != "input_pipeline":
            assert row["share"] == row["flops"] / row["seconds"] / table["peak"]


def test_one_row_alone_and_a_row_that_is_none(monkeypatch, capsys):
    monkeypatch.setattr(bench, "scale", lambda where: TINY)
    monkeypatch.setattr(peak, "SIDES", {"cpu": 64})
    assert main.main(["bench", "--only", "training_darts"]) == 0
    assert "training_darts" in capsys.readouterr().out
    assert main.main(["bench", "--only", "training_drats"]) == 2
    assert "did you mean training_darts" in capsys.readouterr().err


class Louder(nn.Module):
    """Stands in the place of a network's last layer."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        return self.layer(x) * 1.001


def fuse_wrongly(network):
    """Fused, but for the classifier, which is wrong."""
    name, last = [(name, part) for name, part in network.named_modules() if isinstance(part, nn.Linear)][-1]
    owner, _, name = name.rpartition(".")
    setattr(network.get_submodule(owner), name, Louder(last))
    return fuse.fuse(network)


@pytest.mark.parametrize("name", ["darts_first_order", "enas", "fbnet", "single_path"])
def test_no_ratio_of_unequal_searches(monkeypatch, name):
    monkeypatch.setattr("benchmarks.searches.fuse", fuse_wrongly)
    with pytest.raises(UserError, match=rf"{name}: our results differ .* no ratio of unequal things"):
        next(bench.measure(TINY, [name]))


@pytest.mark.parametrize("name", ["evaluation_8_cells", "training_enas"])
def test_no_ratio_of_unequal_networks(monkeypatch, name):
    monkeypatch.setattr(trainings, "unfuse", lambda network: fuse_wrongly(fuse.unfuse(network)))
    with pytest.raises(UserError, match=f"{name}: our results differ"):
        next(bench.measure(TINY, [name]))


@pytest.mark.parametrize(
    "name", [pytest.param("scores", marks=pytest.mark.slow), "score_nwot_wide", "score_zico", "score_epe_nas_wide"]
)
def test_scores_equal_those_of_the_public_code(name):
    """Otherwise there would be no row."""
    (row,) = bench.measure(replace(TINY, networks=1 + name.endswith("wide")), [name])
    assert row.name == name and row.ratio > 0 and row.n == 1


def test_no_ratio_of_unequal_scores(monkeypatch):
    monkeypatch.setitem(public_proxies.MEASURES, "snip", lambda *given: 1.001 * public_proxies.snip(*given))
    with pytest.raises(UserError, match="score_snip: our results differ from the public code's: snip is .* no ratio"):
        next(bench.measure(TINY, ["score_snip"]))


def test_no_ratio_of_unequal_images(monkeypatch):
    from benchmarks import input_pipeline

    ours = input_pipeline._ours
    monkeypatch.setattr(input_pipeline, "_ours", lambda *a: ours(*a).flip(2))
    with pytest.raises(UserError, match="input_pipeline: augmentation gives an image that torchvision does not"):
        next(bench.measure(TINY, ["input_pipeline"]))


def test_without_torchvision_one_line_says_how_to_get_it(monkeypatch, capsys):
    monkeypatch.setattr(bench, "scale", lambda where: TINY)
    for name in ("torchvision", "torchvision.transforms"):  # either may have been imported before
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, "benchmarks.input_pipeline", raising=False)
    monkeypatch.delattr(benchmarks, "input_pipeline", raising=False)
    assert main.main(["bench", "--only", "input_pipeline"]) == 2
    cure = "pip install -e '.[test]' in a checkout"
    assert capsys.readouterr().err == f"error: bench compares with torchvision, which is not here: {cure}\n"


def test_the_form_for_gpus_runs_on_a_cpu(monkeypatch):
    """Compiled, but without the code generator, which takes minutes per network on a CPU."""
    compiled = []
    compile_fast = partial(torch.compile, backend="eager")
    monkeypatch.setattr(torch, "compile", lambda network: compiled.append(network) or compile_fast(network))
    (row,) = bench.measure(replace(TINY, compiled=True), ["evaluation_8_cells"])
    assert len(compiled) == row.n == 2


def test_steps_take_turns_and_the_first_turn_is_not_counted():
    calls = []
    steps = [lambda k, who=who: calls.append((who, k)) for who in "ab"]
    times = measuring.turns(steps, replace(TINY, turns=2))
    assert calls == [("a", 0), ("b", 0), ("a", 1), ("b", 1), ("a", 2), ("b", 2)]
    assert len(times) == 2 and all(len(row) == 2 for row in times)


def test_the_better_layout_counts():
    row = measuring.summary("x", {"contiguous": [3.0, 1.0, 2.5], "channels_last": [2.0, 1.5, 1.0]}, 0.1)
    assert row[:6] == ("x", 1.5, 1.0, 2.0, 3, 0.1)
    assert row.layouts == {"contiguous": 2.5, "channels_last": 1.5}


@pytest.mark.parametrize("groups", [1, 2, 8])
def test_flops_of_a_convolution_and_its_gradients(groups):
    """2 a multiply-add; the two gradients need as much as the convolution each."""
    layer = nn.Conv2d(8, 16, 3, padding=1, groups=groups, bias=False)
    x = torch.zeros(2, 8, 5, 5, requires_grad=True)
    forward = 2 * 2 * 16 * 5 * 5 * (8 // groups) * 9
    assert peak.flops(lambda: layer(x)) == forward
    assert peak.flops(lambda: layer(x).sum().backward()) == 3 * forward
    assert peak.flops(lambda: layer(x.detach()).sum().backward()) == 2 * forward
