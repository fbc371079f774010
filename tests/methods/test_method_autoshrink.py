"""AutoShrink: its graph by hand, the pace and the choice of what is removed, and its search."""

from __future__ import annotations

import math

import pytest
import torch

from methods.autoshrink import Autoshrink
from methods.parts.bilevel import accuracy
from methods.parts.costs import option_costs
from methods.parts.shrinking import Graph
from spaces.base import UserError
from tests.reference.toy import SIZE, Toy, WithoutCosts, WithoutSupernet, toy_run

COSTS = option_costs(Toy(), SIZE, "macs")


def test_a_graph_by_hand():
    supernet = toy_run().supernet()
    graph = Graph((2, 3, 4)).without((1, 0)).without((2, 3)).without((0, 0))
    assert graph.left == [[1], [1, 2], [0, 1, 2]] and graph.edges == 6
    assert graph.removable() == [(1, 1), (1, 2), (2, 0), (2, 1), (2, 2)]  # the last of a place stays
    assert [row.tolist() for row in graph.mix(supernet)] == [[0, 1], [0, 0.5, 0.5], [1 / 3, 1 / 3, 1 / 3, 0]]
    assert graph.cost(COSTS) == 1 + 1 + (1 + 2) + (0 + 1 + 2)
    again = Graph((2, 3, 4))
    again.load_state_dict(graph.state_dict())
    assert again.left == graph.left


def test_edges_are_removed_at_an_even_pace_after_the_warm_up():
    method = Autoshrink(warmup=0.25)
    left = [method.edges_after(epochs / 3, 4, (2, 3, 4)) for epochs in range(13)]
    assert left == [9, 9, 9, 9, 9, 8, 7, 7, 6, 5, 5, 4, 3]


def test_the_best_of_the_samples_goes():
    """With all as samples: no other removal has a better accuracy, less 0.05 times the logarithm of the cost, on the
    same batch."""
    run = toy_run()
    supernet, graph = run.supernet(), Graph((2, 3, 4))
    start, batches = Graph((2, 3, 4)), []
    batch = run.batch

    def kept(split, augment=True):
        batches.append((split, augment, batch(split, augment)))
        return batches[-1][2]

    run.batch = kept
    Autoshrink(samples=99).shrink(run, supernet, graph, COSTS)
    ((split, augment, images),) = batches
    assert (split, augment) == ("val", False)

    def score(less):
        return accuracy(supernet, less.mix(supernet), [images]) - 0.05 * math.log(less.cost(COSTS))

    scores = {edge: score(start.without(edge)) for edge in start.removable()}
    assert graph.edges == 8 and score(graph) == max(scores.values()) > min(scores.values())


def test_samples_are_random_edges():
    """With one sample the score does not matter: everything goes now and then."""
    run, gone = toy_run(), set()
    supernet = run.supernet()
    for _ in range(60):
        graph = Graph((2, 3, 4))
        Autoshrink(samples=1, cost_weight=1e9).shrink(run, supernet, graph, COSTS)
        gone |= {(place, k) for place, n in enumerate((2, 3, 4)) for k in range(n) if k not in graph.left[place]}
    assert len(gone) == 9


def test_search_finds_the_planted_candidates():
    run = toy_run(epochs=4, batch=24)
    run.plant()
    assert Autoshrink(samples=99, lr=0.0, lr_min=0.0, cost_weight=0.0).search(run) == (1, 1, 1)


def test_a_large_cost_weight_leads_to_the_cheapest_architecture():
    run = toy_run(epochs=4)
    run.plant()
    assert Autoshrink(samples=99, cost_weight=100.0).search(run) == (0, 0, 0)


def test_weights_train_on_what_is_left():
    run = toy_run(epochs=4, images=32)
    Autoshrink(lr=0.1).search(run)
    assert [row["edges"] for row in run.curve] == [9, 7, 5, 3]
    assert [row["cost"] for row in run.curve] == sorted((row["cost"] for row in run.curve), reverse=True)
    assert run.curve[0]["entropy"] == pytest.approx(sum(map(math.log, (2, 3, 4))) / 3)
    assert run.curve[-1]["entropy"] == 0
    sizes = [sum(map(len, run.net.used[i : i + 3])) for i in range(0, len(run.net.used), 3)]
    assert sizes[:4] == 4 * [9] and min(sizes[4:]) == 3


def test_same_seed_same_architecture_and_global_generator_unused():
    state = torch.get_rng_state()
    runs = [toy_run(seed=seed) for seed in (0, 0, 1)]
    found = [Autoshrink(samples=2).search(run) for run in runs]
    assert found[0] == found[1] and Toy().valid(found[0])
    assert runs[0].curve == runs[1].curve != runs[2].curve
    assert torch.equal(state, torch.get_rng_state())
    assert set(runs[0].state) == {"supernet", "graph", "optimizer"}


def test_unsupported_spaces_and_wrong_fields_get_a_reason():
    assert Autoshrink().unsupported(Toy()) is None
    assert "no supernet" in Autoshrink().unsupported(WithoutSupernet())
    assert "sum over decisions" in Autoshrink().unsupported(WithoutCosts())
    with pytest.raises(UserError, match="autoshrink: unknown cost 'latency'; use macs or parameters"):
        Autoshrink(cost="latency")
