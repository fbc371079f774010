"""BANANAS: paths by hand, the ensemble's ranking and spread, where candidates come from, a planted optimum."""

import itertools
import random

import numpy as np
import pytest
import torch
from scipy.stats import kendalltau

from harness.plan import registry
from methods.parts import ensembles
from methods.parts.encodings import Encoding, features
from methods.parts.ensembles import MEMBERS, Ensemble
from tests.methods.planted import asked, table

CHOICES = (4, 4, 4, 4)


def value(arch, _=None):
    return 0.1 + sum(w * option for w, option in zip((0.3, 0.2, 0.1, 0.05), arch)) / 3 + 0.1 * (arch[0] == arch[3])


SECOND = sorted(map(value, itertools.product(*map(range, CHOICES))))[-2]


def test_paths_of_a_cell_by_hand():
    space = registry.space("nasbench201")
    arch = space.parse(
        "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|avg_pool_3x3~0|nor_conv_1x1~1|nor_conv_3x3~2|"
    )  # 0-1 conv, 0-2 nothing, 1-2 skip, and 3 reads all
    expected = {">avg_pool_3x3", ">nor_conv_3x3>nor_conv_1x1", ">nor_conv_3x3>skip_connect>nor_conv_3x3"}
    assert features(space, arch) == expected
    assert features(space, (0,) * 6) == frozenset()
    everything = frozenset().union(*(space.paths(one) for one in itertools.product(range(5), repeat=6)))
    assert len(everything) == 4 + 2 * 4**2 - 4**2 + 4**3  # both middle nodes give the same texts of two operations


def test_spaces_without_paths_are_one_hot():
    space = registry.space("nasbench_macro")
    encoding = Encoding(space, [(0, 1) + (0,) * 6, (2,) + (0,) * 7])
    assert encoding.columns == ["0=0", "0=2", "1=0", "1=1", *(f"{i}=0" for i in range(2, 8))]
    assert encoding([(2, 1) + (1,) * 6]).tolist() == [[0, 1, 0, 1] + [0] * 6]  # unknown options have no column


def test_the_ensemble_ranks_held_out_architectures_and_disagrees_off_the_data():
    archs = list(itertools.product(*map(range, CHOICES)))
    random.Random(0).shuffle(archs)
    x = np.eye(4, dtype=np.float32)[np.array(archs)].reshape(len(archs), -1)
    values = np.array([value(arch) for arch in archs])
    made = Ensemble(16, torch.Generator().manual_seed(0))
    made.fit(x[:60], values[:60])
    mean, spread = made.predict(x)
    assert kendalltau(mean[60:], values[60:]).statistic > 0.75
    assert np.abs(mean[:60] - values[:60]).mean() < 0.05
    assert spread[60:].mean() > 1.3 * spread[:60].mean() > 0


def test_gradients_are_those_of_autograd_and_members_share_none():
    """Of the mean absolute error, for which the members differ in their inputs and one is right about one value."""
    made = Ensemble(3, torch.Generator().manual_seed(0))
    x = torch.rand(MEMBERS, 7, 3, generator=made.generator) - 0.5
    targets = torch.rand(MEMBERS, 7, generator=made.generator)
    targets[1, 2] = made(x)[1, 2]
    flat = made.parameters.clone().requires_grad_()
    (ensembles.forward(made.layers(flat), x)[-1][..., 0] - targets).abs().mean(1).sum().backward()
    found = torch.full_like(flat, torch.nan)
    layers = made.layers(made.parameters)
    ensembles.backward(layers, made.layers(found), ensembles.forward(layers, x), targets)
    assert torch.equal(found, flat.grad) and found.abs().sum(1).min() > 0
    other = torch.empty_like(found)
    targets[2] -= 10
    ensembles.backward(layers, made.layers(other), ensembles.forward(layers, x), targets)
    assert (found != other).any(1).tolist() == [False, False, True, False, False]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return table(tmp_path_factory.mktemp("planted"), CHOICES, value)


def test_it_finds_the_planted_optimum(run, monkeypatch):
    """One of 256, or the one with the second value, with 60 evaluations: random search finds either in 4 of 10."""
    monkeypatch.setattr(ensembles, "EPOCHS", 40)
    for seed in range(2):
        made = run("bananas", seed, evaluations=60)
        made.generator = torch.Generator().manual_seed(seed)  # else the folder's name would decide
        assert value(made.method.search(made)) >= SECOND


def test_nothing_is_learnt_behind_the_last_answer(run, monkeypatch):
    fits = []
    monkeypatch.setattr(Ensemble, "fit", lambda self, x, values: fits.append(len(values)))
    made = run("bananas", 0, evaluations=30)
    made.method.search(made)
    assert fits == [10, 20]


def test_questions_are_new_neighbours_of_the_best_after_random_ones(run, monkeypatch):
    monkeypatch.setattr(ensembles, "EPOCHS", 20)
    made = run("bananas", 5, evaluations=18, batch=4, parents=2)
    made.method.search(made)
    archs = [arch for arch, _ in asked(made)]
    assert len(set(archs)) == 18
    for start in (10, 14):
        best = sorted(archs[:start], key=value, reverse=True)[:2]
        near = {child for parent in best for child in made.space.neighbours(parent)}
        assert set(archs[start : start + 4]) <= near


def test_thompson_samples_follow_mean_and_spread(run, monkeypatch):
    """With certain predictions the best by mean are asked; the less certain they are, the more others."""
    shares = []
    for spread in (0.0, 1.0):
        predict = lambda self, x, spread=spread: (x.sum(1).astype(float), np.full(len(x), spread))  # noqa: E731
        monkeypatch.setattr(Ensemble, "predict", predict)
        monkeypatch.setattr(Ensemble, "fit", lambda self, x, values: None)
        hits = 0
        for seed in range(10):
            made = run("bananas", seed)
            known = {arch: value(arch) for arch in [(0, 0, 0, 0), (1, 2, 3, 0), (3, 0, 1, 2)]}
            asking = Asked(made)
            new = [arch for parent in known for arch in made.space.neighbours(parent) if arch not in known]
            sums = dict(zip(new, Encoding(made.space, list(known))(new).sum(1)))
            chosen = made.method._chosen(asking, known)
            hits += sum(sums[arch] >= sorted(sums.values())[-10] for arch in chosen)
        shares.append(hits / 100)
    assert shares[0] == 1 and shares[1] < 0.9


class Asked:
    def __init__(self, run):
        self.run, self.rng, self.space = run, run.rng, run.space
