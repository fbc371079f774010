"""Single-Path NAS: how its thresholds move, its cost term, and that a search repeats exactly."""

from __future__ import annotations

import random

import pytest
import torch

from methods.parts.costs import option_costs
from methods.single_path import SinglePath, network_cost
from protocols.base import Budget
from spaces.base import Size, UserError
from spaces.fbnet.space import Fbnet
from spaces.single_path.space import SinglePath as SinglePathSpace
from spaces.single_path.thresholds import Gates
from spaces.single_path_se.space import SinglePathSe
from tests.reference.run import TinyRun, random_images

SIZE = Size(channels=4, cells=0, classes=3, image=8)
GATES = {"3x3-3": (0, 1, 0), "3x3-6": (0, 1, 1), "5x5-3": (1, 1, 0), "5x5-6": (1, 1, 1), "skip": (0, 0, 0)}


def tiny_run(epochs=2, images=8, space=None):
    return TinyRun(space or SinglePathSpace(), SIZE, Budget(epochs, 8), random_images(SIZE, images))


@pytest.mark.parametrize("space", [SinglePathSpace(), SinglePathSe()], ids=["plain", "se"])
def test_cost_of_decided_gates_is_the_networks(space):
    """Multiply-adds are proportional to the expansion, so the runtime formula is exact for all blocks."""
    rng, se = random.Random(0), isinstance(space, SinglePathSe)
    costs = option_costs(space, SIZE, "macs", None)
    for _ in range(5):
        arch = space.sample(rng)
        rows = [(*GATES[name.removesuffix("-se")], *[name.endswith("-se")] * se) for name in space.decode(arch)]
        decided = Gates(*torch.tensor(rows).float().unbind(1))
        total = costs[0] + sum(row[option] for row, option in zip(costs[1], arch))
        assert float(network_cost(decided, costs)) == pytest.approx(total, rel=1e-6)


def test_cost_weight_switches_parts_off():
    heavy, free = tiny_run(epochs=4), tiny_run()
    cheap = SinglePath(cost_weight=1e4, threshold_lr=1.0, warmup=0.25).search(heavy)
    SinglePath(cost_weight=0.0, threshold_lr=1e-9, warmup=0.0).search(free)
    whole = free.curve[-1]
    assert whole["gates_kept"] == whole["gates_e6"] == whole["gates_5x5"] == 1.0
    # In the warm-up the thresholds follow the cross entropy only; at this learning rate one or two can cross.
    assert 0.8 * whole["expected_cost"] < heavy.curve[0]["expected_cost"] <= whole["expected_cost"]
    assert heavy.curve[3]["expected_cost"] < 0.7 * whole["expected_cost"]
    assert heavy.space.text(cheap).count("skip") > 5


def test_squeeze_and_excitation_is_searched():
    """The cross entropy moves its thresholds, and a large cost weight switches it off."""
    heavy, free = tiny_run(epochs=4, space=SinglePathSe()), tiny_run(space=SinglePathSe())
    cheap = SinglePath(cost="parameters", cost_weight=1e4, threshold_lr=1.0, warmup=0.25).search(heavy)
    whole = SinglePath(cost_weight=0.0, threshold_lr=1e-9, warmup=0.0).search(free)
    assert free.curve[-1]["gates_se"] == 1.0
    assert free.space.text(whole) == ",".join(["5x5-6-se"] * 20)
    assert heavy.curve[3]["gates_se"] < 0.5
    assert heavy.space.text(cheap).count("-se") < 10
    moved = free.state["thresholds"][0]
    assert moved.shape == (20, 4)
    assert moved[:, 3].abs().min() > 0


def test_warm_up_drops_gates_and_has_no_cost_term():
    first, second = tiny_run(epochs=1), tiny_run(epochs=1)
    SinglePath(cost_weight=0.0, warmup=1.0).search(first)
    SinglePath(cost_weight=1e6, warmup=1.0).search(second)
    assert first.curve == second.curve
    third = tiny_run(epochs=1)
    SinglePath(cost_weight=0.0, warmup=1.0, keep=1.0).search(third)
    assert third.curve != first.curve


def test_search_leaves_the_global_generator_alone_and_repeats():
    state = torch.get_rng_state()
    runs = [tiny_run() for _ in range(2)]
    archs = [SinglePath().search(run) for run in runs]
    assert archs[0] == archs[1]
    assert runs[0].curve == runs[1].curve
    assert torch.equal(state, torch.get_rng_state())
    assert runs[0].space.valid(archs[0])


def test_spaces_that_do_not_fit(tmp_path):
    assert SinglePath().unsupported(SinglePathSpace()) is None
    assert "superkernels" in SinglePath().unsupported(Fbnet())
    with pytest.raises(UserError, match="cost 'ms'; use macs"):
        SinglePath(cost="ms")
    with pytest.raises(UserError, match="measure one first"):
        SinglePath(latency_table=str(tmp_path / "none.json")).unsupported(SinglePathSpace())
