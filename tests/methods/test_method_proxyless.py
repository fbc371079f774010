"""ProxylessNAS: its gates' gradients against the enumeration of paths, what is drawn, its losses, and its search."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from scipy.stats import chisquare

from methods.parts.binary_gates import PathPolicy, binary_gates, rescale
from methods.parts.gumbel import Theta
from methods.proxyless import Proxyless
from protocols.parts.optimizers import SGD
from spaces.base import UserError
from tests.reference.toy import Toy, WithoutCosts, WithoutSupernet, toy_run

LOGITS = torch.tensor([0.3, -0.2, 0.5, 0.1, -0.4, 0.2, 0.0, 0.7, -0.6], dtype=torch.float64)
"""Of Toy's three places."""
PLANTED = {"lr": 0.0, "warmup_lr": 0.0, "warmup": 0.0, "every": 1, "alpha_lr": 0.1}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def theta_of(shape=(2, 3, 4), logits=LOGITS):
    return Theta(shape, logits.clone())


@pytest.mark.parametrize("form", ["full_v2", "two"])
def test_gradients_of_a_linear_loss_are_those_of_its_mean_over_both_paths(form):
    """One place, two paths that lose 3 and 5: whichever is drawn, the gradient is that of p_0 3 + p_1 5."""
    losses = torch.tensor([3.0, 5.0], dtype=torch.float64)
    logits = torch.tensor([0.4, -0.3], dtype=torch.float64, requires_grad=True)
    p = logits.softmax(0)
    (expected,) = torch.autograd.grad(sum(p[k] * losses[k] for k in range(2)), logits)
    active = set()
    for seed in range(12):
        theta = Theta((2,), logits.detach().clone())
        gates = binary_gates(theta, form, generator(seed))
        (gates.mix[0] @ losses).backward()
        torch.testing.assert_close(theta.logits.grad, expected)
        active |= set(gates.active)
    assert active == {0, 1}


@pytest.mark.parametrize("form", ["full_v2", "two"])
def test_gate_gradients_of_a_supernet_by_hand(form):
    """dL/dlogit_i = sum_j dL/dg_j p_j (1[i = j] - p_i) over the candidates that took part, where all gates but the
    active one are 0; in the form "two" p is the softmax of two logits, and the others get nothing."""
    run = toy_run()
    supernet, (images, labels) = run.supernet(), run.batch("val")
    for seed in range(5):
        theta = theta_of()
        gates = binary_gates(theta, form, generator(seed))
        F.cross_entropy(supernet(images, gates.mix), labels).backward()
        free = [F.one_hot(torch.tensor(k), n).double().requires_grad_() for k, n in zip(gates.active, (2, 3, 4))]
        slopes = torch.autograd.grad(F.cross_entropy(supernet(images, free), labels), free)
        by_hand = []
        for row, slope, drawn in zip(LOGITS.split((2, 3, 4)), slopes, gates.drawn):
            some, found = drawn.tolist(), torch.zeros_like(row)
            p = {k: math.exp(row[k]) / sum(math.exp(row[j]) for j in some) for k in some}
            for i, j in itertools.product(some, some):
                found[i] += slope[j] * p[j] * ((i == j) - p[i])
            by_hand.append(found)
        torch.testing.assert_close(theta.logits.grad, torch.cat(by_hand))
        assert [len(drawn) for drawn in gates.drawn] == ([2, 3, 4] if form == "full_v2" else [2, 2, 2])
        assert all(k in drawn for k, drawn in zip(gates.active, gates.drawn))


def test_mixes_are_exactly_one_path():
    gates = binary_gates(theta_of(), "two", generator())
    for row, k in zip(gates.mix, gates.active):
        assert row.detach().tolist() == [float(i == k) for i in range(len(row))]


@pytest.mark.parametrize("form", ["full_v2", "two"])
def test_frequencies_of_what_is_drawn(form):
    """One candidate in proportion to p. Or a pair without replacement, p_i p_j / (1 - p_i) + p_j p_i / (1 - p_j), and
    then one of the two in proportion to p."""
    p = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
    theta, source, n = Theta((3,), p.log()), generator(), 1500
    counts = dict.fromkeys(itertools.product(range(3), range(3)), 0)
    for _ in range(n):
        gates = binary_gates(theta, form, source)
        k = gates.active[0]
        counts[k, k if form == "full_v2" else sum(gates.drawn[0].tolist()) - k] += 1
    expected = {}
    for i, j in counts:
        pair = p[i] * p[j] / (1 - p[i]) + p[j] * p[i] / (1 - p[j])
        expected[i, j] = float(p[i] if form == "full_v2" else pair * p[i] / (p[i] + p[j]))
    kept = [key for key in counts if (key[0] == key[1]) == (form == "full_v2")]
    assert chisquare([counts[key] for key in kept], [n * expected[key] for key in kept]).pvalue > 1e-3


def test_others_keep_their_probabilities_when_two_have_moved():
    theta, drawn = theta_of((5,), LOGITS[:5]), torch.tensor([1, 3])
    before = theta.logits.detach().clone()
    with torch.no_grad():
        theta.logits[drawn] += torch.tensor([2.0, -0.5], dtype=torch.float64)
    moved = theta.logits.detach().clone()
    rescale(theta, before, [drawn])
    old, new = before.softmax(0), theta.probabilities()[0].detach()
    torch.testing.assert_close(new[[0, 2, 4]], old[[0, 2, 4]])
    assert new[1] > old[1] and new[3] < old[3]
    assert (theta.logits[1] - theta.logits[3]).item() == pytest.approx((moved[1] - moved[3]).item())


def test_candidates_that_did_not_take_part_do_not_move():
    """Adam with beta1 = 0: what moved in one step and does not take part in the next stays where it is."""
    run, seen = toy_run(epochs=3), []
    epochs = run.epochs

    def watched(theta, alpha_optimizer, **state):
        step = alpha_optimizer.step

        def stepping():
            before = theta.logits.detach().clone()
            step()
            seen.append((theta.logits.grad == 0, theta.logits.detach() == before))

        alpha_optimizer.step = stepping
        yield from epochs(theta=theta, alpha_optimizer=alpha_optimizer, **state)

    run.epochs = watched
    Proxyless(gates="two", **PLANTED).search(run)
    assert len(seen) == 9
    for without, still in seen:
        assert without.sum() == 3 and torch.equal(without, still)  # one of three, two of four candidates


def test_order_and_number_of_steps():
    """The first epoch of four is the warm-up. Then every second weight step is followed by an architecture step. Weight
    steps compute one candidate at each place, architecture steps all."""
    run = toy_run(epochs=4, images=32)  # four batches
    Proxyless(every=2).search(run)
    assert run.seen == 4 * ["train"] + 3 * 2 * ["train", "train", "val"]
    sizes = [len(candidates) for candidates in run.net.used]
    assert sizes == 12 * [1] + 3 * 2 * [1, 1, 1, 1, 1, 1, 2, 3, 4]
    assert "val_loss" not in run.curve[0] and all("val_loss" in row for row in run.curve[1:])


def test_learning_rates_of_warm_up_and_search():
    found = [Proxyless().lr_at(epoch, 160) for epoch in (0, 20, 39, 40, 100, 159)]
    assert [warm for _, warm in found] == [True, True, True, False, False, False]
    assert [lr for lr, _ in found] == pytest.approx([0.05, 0.025, 7.7e-5, 0.025, 0.0125, 4.3e-6], rel=0.01)


def test_losses_by_hand():
    """E = 30, R = 20. A mean cost: 10 and 1.5 and 2.5."""
    entropy, cost, costs = torch.tensor(2.0), torch.tensor(30.0), (10.0, [[1.0, 2.0], [2.0, 3.0]])
    assert Proxyless(reference=20.0).loss(entropy, None, None) == 2.0
    linear = Proxyless(cost_form="add_linear", reference=20.0).loss(entropy, cost, costs)
    assert linear.item() == pytest.approx(2 + 0.1 * 0.5)
    product = Proxyless(cost_form="mul_log", reference=20.0).loss(entropy, cost, costs)
    assert product.item() == pytest.approx(2 * 0.2 * (math.log(30) / math.log(20)) ** 0.3)
    assert Proxyless().reference_of(costs) == 14.0


def test_a_step_of_reinforce_by_hand():
    """Along mean (reward - baseline) (one-hot - p). The baseline starts at the first mean, keeps 0.99 of itself, and is
    moved before it is compared; the public code moves it by 0.99."""
    theta, twin = theta_of(), theta_of()
    policy, source = PathPolicy(theta, SGD(theta.parameters(), 1.0), 0.99), generator(3)
    replay, baseline = generator(3), None
    for _ in range(2):
        drawn = [binary_gates(twin, "full_v2", source).active for _ in range(3)]
        rewards = [sum(path) / 10 for path in drawn]
        mean = sum(rewards) / 3
        baseline = mean if baseline is None else 0.99 * baseline + 0.01 * mean
        gradient = torch.zeros(9, dtype=torch.float64)
        for path, reward in zip(drawn, rewards):
            chosen = torch.cat([F.one_hot(torch.tensor(k), n) for k, n in zip(path, (2, 3, 4))])
            gradient += (reward - baseline) * (chosen - torch.cat(twin.probabilities())).detach() / 3
        assert policy.learn(3, lambda gates: sum(gates.active) / 10, replay) == pytest.approx(mean)
        assert policy.baseline == pytest.approx(baseline)
        twin.logits.data += gradient
        torch.testing.assert_close(theta.logits.detach(), twin.logits.detach())


@pytest.mark.parametrize("fields", [{}, {"gates": "two"}, {"algorithm": "reinforce"}], ids=str)
def test_search_finds_the_planted_candidates(fields):
    run = toy_run(epochs=20)
    run.plant()
    assert Proxyless(**PLANTED, **fields, samples=5).search(run) == (1, 1, 1)
    assert run.curve[-1]["alpha_entropy"] < 0.6 < 0.9 < run.curve[0]["alpha_entropy"]


@pytest.mark.parametrize(
    "fields",
    [{"cost_weight": 30.0}, {"cost_weight": 30.0, "gates": "two"}, {"algorithm": "reinforce", "tradeoff": 9.0}],
)
def test_a_large_cost_weight_leads_to_the_cheapest_architecture(fields):
    run = toy_run(epochs=15)
    run.plant()
    assert Proxyless(**PLANTED, **fields, samples=5, cost_form="add_linear").search(run) == (0, 0, 0)


def test_same_seed_same_architecture_and_global_generator_unused():
    state = torch.get_rng_state()
    runs = [toy_run(seed=seed) for seed in (0, 0, 1)]
    method = Proxyless(alpha_lr=0.1, every=1, algorithm="reinforce")
    found = [method.search(run) for run in runs]
    assert found[0] == found[1] and Toy().valid(found[0])
    assert runs[0].curve == runs[1].curve != runs[2].curve
    assert torch.equal(state, torch.get_rng_state())
    assert set(runs[0].state) == {"supernet", "theta", "weight_optimizer", "alpha_optimizer", "policy"}
    policy = runs[0].state["policy"]
    kept = policy.state_dict()
    policy.load_state_dict({"baseline": None})
    policy.load_state_dict(kept)
    assert kept["baseline"] > 0 and policy.baseline == kept["baseline"]


def test_unsupported_spaces_and_wrong_fields_get_a_reason(tmp_path):
    assert Proxyless(cost_form="mul_log").unsupported(Toy()) is None
    assert "no supernet" in Proxyless().unsupported(WithoutSupernet())
    assert Proxyless().unsupported(WithoutCosts()) is None
    assert "sum over decisions" in Proxyless(cost_form="mul_log").unsupported(WithoutCosts())
    with pytest.raises(UserError, match="proxyless: gates is 'three'; use one of full_v2, two"):
        Proxyless(gates="three")
    with pytest.raises(UserError, match="cost_form is 'log'; use one of null, add_linear, mul_log"):
        replace(Proxyless(), cost_form="log")
    with pytest.raises(UserError, match="measure one first"):
        Proxyless(latency_table=str(tmp_path / "none.json")).unsupported(Toy())
