"""SqueezeNAS: a mixture for each image, what it costs, and results within a hard budget."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from scipy.stats import chisquare

from harness.plan import registry
from methods.parts.costs import option_costs, path_cost
from methods.parts.gumbel import Theta, expected_cost
from methods.squeezenas import Squeezenas, within
from spaces.base import Size, UserError
from spaces.darts.space import Darts
from spaces.fbnet.space import Fbnet
from spaces.fbnet.supernet import MixedLayer
from spaces.nasbench201.space import Nasbench201
from spaces.parts.cpu.fuse import fuse
from spaces.parts.layer_shapes import LayerShape
from spaces.single_path.space import SinglePath
from spaces.single_path_se.space import SinglePathSe
from tests.reference.toy import SIZE, Toy, WithoutCosts, WithoutSupernet, toy_run

SMALL = Size(channels=4, cells=3, classes=3, image=8)
PLANTED = {"lr": 0.0, "theta_lr": 0.1, "temperature": 1.0, "temperature_decay": 0.0, "warmup": 0.0}


def per_image(shape, images, seed=0, dtype=torch.float32):
    theta = Theta(shape, torch.zeros(sum(shape), dtype=dtype))
    return [row.detach() for row in theta.relaxed_per_image(1.0, images, torch.Generator().manual_seed(seed))]


def test_a_layer_mixes_for_each_image_by_hand():
    torch.manual_seed(0)
    layer = MixedLayer(Fbnet(), LayerShape(4, 4, 1, 8)).double()
    x = torch.randn(5, 4, 8, 8, dtype=torch.float64)
    (mix,) = per_image((9,), 5, dtype=torch.float64)
    outputs = [candidate(x) for candidate in layer.candidates]
    y = layer(x, mix)
    for n in range(5):
        by_hand = sum(float(mix[k, n]) * outputs[k][n] for k in range(9))
        torch.testing.assert_close(y[n], by_hand)
    assert not torch.allclose(mix[:, 0], mix[:, 1])


@pytest.mark.parametrize("name", ["darts_s3", "fbnet", "nasbench201"])
def test_supernets_take_a_mix_for_each_image(name):
    """The same one for all images is the ordinary mix; the faster form gives the same, weights that are 0 included."""
    torch.manual_seed(0)
    supernet, x = registry.space(name).supernet(SMALL).double(), torch.randn(4, 3, 8, 8).double()
    same = [row.flatten(1)[:, 0] for row in per_image(supernet.shape, 1, dtype=torch.float64)]
    expanded = [row[:, None, None, None, None].expand(-1, 4, 1, 1, 1) for row in same]
    torch.testing.assert_close(supernet(x, expanded), supernet(x, same), rtol=1e-9, atol=1e-9)
    own = per_image(supernet.shape, 4, seed=1, dtype=torch.float64)
    own[0][0, 1] = 0.0
    plain = supernet(x, own)
    assert not torch.allclose(plain, supernet(x, same))
    torch.testing.assert_close(fuse(supernet)(x, own), plain, rtol=1e-7, atol=1e-7)


def test_every_image_has_a_sample_of_the_distribution():
    p = torch.tensor([0.5, 0.3, 0.2])
    theta = Theta((3,), p.log())
    (mix,) = theta.relaxed_per_image(0.5, 4000, torch.Generator().manual_seed(0))
    assert mix.shape == (3, 4000, 1, 1, 1)
    torch.testing.assert_close(mix.sum(0).flatten(), torch.ones(4000))
    counts = torch.bincount(mix.argmax(0).flatten(), minlength=3)
    assert chisquare(counts, 4000 * p.double() / p.double().sum()).pvalue > 1e-3


def test_cost_is_the_mean_over_images_by_hand():
    mix = torch.tensor([[0.2, 0.6], [0.8, 0.4]])[..., None, None, None]  # two candidates, two images
    assert expected_cost([mix], (5.0, [[10.0, 20.0]])).item() == pytest.approx(5 + (2 + 6 + 16 + 8) / 2)
    loss = Squeezenas(cost_weight=0.5, budget=10.0).penalised(torch.tensor(2.0), torch.tensor(30.0), (0.0, [[1.0]]))
    assert loss.item() == pytest.approx(2 + 0.5 * 3)


def test_what_is_beyond_the_budget_is_brought_within_it_by_hand():
    """From (2, 2), which costs 1 + 10 + 8 = 19. Cheaper options lose ln(p/p') per cost saved: at the first decision
    ln(.6/.3) / 6 = .116 and ln(.6/.1) / 10 = .179; at the second ln(.5/.4) / 2 = .112 and ln(.5/.1) / 8 = .201."""
    odds, costs = [[0.1, 0.3, 0.6], [0.1, 0.4, 0.5]], (1.0, [[0.0, 4.0, 10.0], [0.0, 6.0, 8.0]])
    assert within(19.0, (2, 2), odds, costs) == (2, 2)
    assert within(18.9, (2, 2), odds, costs) == (2, 1)
    assert within(16.9, (2, 2), odds, costs) == (1, 1)
    assert within(1.0, (2, 2), odds, costs) == (0, 0)
    assert within(1.0, (0, 0), [[0.0, 1.0, 0.0]] * 2, costs) == (0, 0)
    assert within(7.0, (1, 1), [[0.0, 1.0, 0.0], [0.0, 1.0, 0.0]], costs) in {(0, 1), (1, 0)}


@pytest.mark.parametrize("budget", [1.5, 3.0, 5.0, 7.0])
def test_results_are_within_the_budget(budget):
    """The planted candidates (1, 1, 1) cost 4; an architecture costs 1 plus the sum of its options."""
    run = toy_run(epochs=12, candidates=4)
    run.plant()
    arch = Squeezenas(**PLANTED, budget=budget, cost_weight=0.0).search(run)
    assert 1 + sum(arch) <= budget
    assert budget < 4 or arch == (1, 1, 1)


def test_default_budget_is_the_mean_cost():
    costs = option_costs(Toy(), SIZE, "macs")
    assert Squeezenas().budget_of(costs) == 1 + 0.5 + 1.0 + 1.5
    run = toy_run(epochs=1, candidates=8)
    assert path_cost(costs, Squeezenas().search(run)) <= 4


def test_mixes_of_a_search_differ_between_images_and_logits_start_at_one():
    run, seen = toy_run(epochs=1), []
    method = Squeezenas(warmup=1.0)
    supernet = run.supernet()
    forward = supernet.forward

    def watched(x, mix):
        seen.append(mix[0])
        return forward(x, mix)

    supernet.forward, run.supernet = watched, lambda: supernet
    method.search(run)
    assert all(row.shape == (2, 8, 1, 1, 1) and row[0].unique().numel() == 8 for row in seen[:6])
    assert run.state["theta"].logits.tolist() == [1.0] * 9


def test_a_large_cost_weight_leads_to_the_cheapest_architecture():
    run = toy_run(epochs=15)
    run.plant()
    assert Squeezenas(**PLANTED, cost_weight=50.0).search(run) == (0, 0, 0)


def test_same_seed_same_architecture_and_global_generator_unused():
    state = torch.get_rng_state()
    runs = [toy_run(seed=seed) for seed in (0, 0, 1)]
    found = [Squeezenas(theta_lr=0.1).search(run) for run in runs]
    assert found[0] == found[1] and Toy().valid(found[0])
    assert runs[0].curve == runs[1].curve != runs[2].curve
    assert torch.equal(state, torch.get_rng_state())


def test_budgets_and_spaces_that_do_not_fit(tmp_path):
    with pytest.raises(UserError, match="squeezenas: budget 0.5 is below the cheapest network's 1: raise it"):
        Squeezenas(budget=0.5).search(toy_run())
    assert Squeezenas().unsupported(Nasbench201()) is None
    assert "sum over decisions" in Squeezenas().unsupported(Darts())
    assert "no supernet" in Squeezenas().unsupported(WithoutSupernet())
    assert "sum over decisions" in Squeezenas().unsupported(WithoutCosts())
    for space in (SinglePath(), SinglePathSe()):
        assert "masks kernels" in Squeezenas().unsupported(space)
    with pytest.raises(UserError, match="squeezenas: unknown cost 'latency'"):
        replace(Squeezenas(), cost="latency")


def test_a_latency_table_is_the_cost(tmp_path):
    """Its first option is the dearest, while by multiply-adds it is the cheapest: nothing but it exceeds the budget."""
    table = {"machine": "m", "channels": 1, "image": 2, "constant": 1.0, "options": [[9.0, 1.0], [9.0] + [1.0] * 2]}
    table["options"].append([9.0] + [1.0] * 3)
    file = tmp_path / "table.json"
    file.write_text(json.dumps(table))
    run = toy_run(epochs=1, candidates=8)
    assert 0 not in Squeezenas(latency_table=str(file), budget=4.0).search(run)
