"""FBNet: its expected cost, its loss, and how its search moves."""

from __future__ import annotations

import itertools
import json
import math

import pytest
import torch

from methods.fbnet import Fbnet
from methods.parts.costs import option_costs
from methods.parts.gumbel import Theta, expected_cost
from methods.random_sampling import RandomSampling
from protocols.base import Budget
from spaces.base import Size, UserError
from spaces.darts.space import Darts
from spaces.fbnet.space import Fbnet as FbnetSpace
from spaces.parts.cpu.fuse import fuse
from tests.reference.run import TinyRun, random_images

SIZE = Size(channels=4, cells=0, classes=3, image=8)


@pytest.fixture
def double_precision():
    """For searches of a few large steps. In single precision rounding decides where they end, in the naive form as in
    ours: with 41 seeds, 5 and 4 of them missed the bound below, with mean costs of 0.55 and 0.54."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def tiny_run(epochs=1, candidates=1, kind=TinyRun):
    images = random_images(SIZE, 8, dtype=torch.get_default_dtype())
    return kind(FbnetSpace(), SIZE, Budget(epochs, 8, candidates), images)


class FusedRun(TinyRun):
    """A run whose supernet has its faster form."""

    def supernet(self):
        return fuse(super().supernet())


def test_a_whole_search_is_the_same_with_the_faster_form(double_precision):
    runs = [tiny_run(epochs=4, kind=kind) for kind in (TinyRun, FusedRun)]
    found = [Fbnet(beta=10.0, theta_lr=1.0, warmup=0.25).search(run) for run in runs]
    assert found[0] == found[1]
    for plain, fused in zip(runs[0].curve, runs[1].curve, strict=True):
        assert fused == pytest.approx(plain, rel=1e-6)


def test_expected_cost_is_the_mean_over_paths():
    generator = torch.Generator().manual_seed(0)
    theta = Theta((2, 3, 2))
    theta.logits.data = torch.randn(7, generator=generator)
    costs = 5.0, [[1.0, 4.0], [2.0, 0.0, 7.0], [3.0, 3.5]]
    mix = theta.probabilities()
    total = 0.0
    for path in itertools.product(range(2), range(3), range(2)):
        probability = math.prod(float(mix[place][option].detach()) for place, option in enumerate(path))
        total += probability * (costs[0] + sum(costs[1][place][option] for place, option in enumerate(path)))
    assert float(expected_cost(mix, costs).detach()) == pytest.approx(total, rel=1e-6)


def test_both_forms_of_the_loss():
    cross_entropy, cost = torch.tensor(2.0), torch.tensor(50.0)
    assert float(Fbnet().loss(cross_entropy, cost)) == pytest.approx(0.2 * 2.0 * math.log(50.0) ** 0.6)
    log_pow = Fbnet(latency_form="log_pow").loss(cross_entropy, cost)
    assert float(log_pow) == pytest.approx(0.2 * 2.0 * math.log(50.0**0.6))


def test_temperature_is_the_papers_over_its_90_epochs():
    temperatures = [Fbnet().temperature_at(epoch, 90) for epoch in (0, 10, 45, 89)]
    assert temperatures == pytest.approx([5.0, 3.19, 0.66, 0.09], abs=0.005)
    assert Fbnet().temperature_at(3, 6) == pytest.approx(Fbnet().temperature_at(45, 90))


def test_relaxed_samples_are_gumbel_softmax():
    theta, generator = Theta((3,)), torch.Generator().manual_seed(0)
    theta.logits.data = torch.tensor([1.0, 0.0, -1.0])
    drawn = torch.stack([theta.relaxed(0.01, generator)[0].detach() for _ in range(4000)])
    assert drawn.sum(1).sub(1).abs().max() < 1e-5
    assert torch.allclose(drawn.round().mean(0), theta.probabilities()[0].detach(), atol=0.03)


def test_cost_weight_decides_between_cheap_and_free():
    """Only theta is trained, with a constant cross entropy: only the cost term can move it."""
    costs = option_costs(FbnetSpace(), SIZE, "macs", None)
    cheapest = costs[0] + sum(min(row) for row in costs[1])
    found = {}
    for beta in (0.0, 10.0):
        theta = Theta((9,) * 22)
        optimizer = torch.optim.Adam(theta.parameters(), 0.3)
        generator = torch.Generator().manual_seed(0)
        for _ in range(60):
            optimizer.zero_grad()
            mix = theta.relaxed(1.0, generator)
            Fbnet(beta=beta).loss(torch.tensor(1.0), expected_cost(mix, costs)).backward()
            optimizer.step()
        found[beta] = costs[0] + sum(row[int(p.argmax())] for row, p in zip(costs[1], theta.probabilities()))
        if beta == 0.0:
            assert torch.equal(theta.logits, Theta((9,) * 22).logits)
    assert found[10.0] < 1.02 * cheapest < 1.1 * cheapest < found[0.0]


def test_search_moves_theta_after_the_warm_up_and_follows_a_huge_cost_weight(double_precision):
    run = tiny_run(epochs=4)
    arch = Fbnet(beta=10.0, theta_lr=1.0, warmup=0.25).search(run)
    costs = option_costs(run.space, SIZE, "macs", None)
    curve = [epoch["expected_cost"] for epoch in run.curve]
    uniform = costs[0] + sum(sum(row) / 9 for row in costs[1])
    assert curve[0] == pytest.approx(uniform)
    assert curve[0] > curve[1] > curve[3]
    found = costs[0] + sum(row[option] for row, option in zip(costs[1], arch))
    assert found < 0.7 * uniform
    assert run.curve[0]["entropy"] == pytest.approx(math.log(9))
    assert run.curve[3]["entropy"] < 0.8 * math.log(9)


def test_search_leaves_the_global_generator_alone_and_repeats():
    state = torch.get_rng_state()
    runs = [tiny_run(candidates=2) for _ in range(2)]
    archs = [Fbnet(warmup=0.0).search(run) for run in runs]
    assert archs[0] == archs[1]
    assert runs[0].curve == runs[1].curve
    assert torch.equal(state, torch.get_rng_state())
    assert runs[0].space.valid(archs[0])
    assert set(runs[0].seen) == {"train", "val"}


def test_spaces_that_do_not_fit():
    assert Fbnet().unsupported(FbnetSpace()) is None
    assert "cost" in Fbnet().unsupported(Darts())
    assert RandomSampling().unsupported(FbnetSpace()) is None
    with pytest.raises(UserError, match="latency_form 'pow'; use pow_log or log_pow"):
        Fbnet(latency_form="pow")
    with pytest.raises(UserError, match="cost 'latency'; use macs"):
        Fbnet(cost="latency")


def test_latency_table(tmp_path):
    file = tmp_path / "table.json"
    table = {"machine": "m", "channels": 4, "image": 8, "constant": 3.0, "options": [[1.0] * 9] * 22}
    file.write_text(json.dumps(table))
    assert option_costs(FbnetSpace(), SIZE, "macs", str(file)) == (3.0, [[1.0] * 9] * 22)
    for change, message in [
        ({"channels": 8}, "is for 8 channels and 8 pixels, the search runs at 4 and 8"),
        ({"options": [[1.0] * 9] * 21}, "options must be 22 lists"),
        ({"options": [[-1.0] * 9] * 22}, "every cost must be a number"),
        ({"constant": None}, "every cost must be a number"),
    ]:
        file.write_text(json.dumps(table | change))
        with pytest.raises(UserError, match=message):
            option_costs(FbnetSpace(), SIZE, "macs", str(file))
    file.write_text('{"machine": "m"')
    with pytest.raises(UserError, match="is no JSON"):
        Fbnet(latency_table=str(file)).unsupported(FbnetSpace())
    with pytest.raises(UserError, match="measure one first"):
        Fbnet(latency_table=str(tmp_path / "none.json")).unsupported(FbnetSpace())
    file.write_text(json.dumps(table | {"constant": 0.0, "options": [[0.01] * 9] * 22}))
    with pytest.raises(UserError, match="needs a unit that makes it > 1"):
        Fbnet(latency_table=str(file)).costs(tiny_run())
