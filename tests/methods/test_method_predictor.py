"""Predictors: ranking of held-out architectures, rounds, a planted optimum."""

import itertools
import random

import numpy as np
import pytest
from scipy.stats import kendalltau

from methods.parts.predictors import MODELS, Binary, KernelRidge
from tests.methods.planted import asked, table

CHOICES = (4, 4, 4, 4)
WEIGHTS = (0.3, 0.2, 0.1, 0.05)


def value(arch, _=None):
    """Additive, with one pair of decisions that depend on each other."""
    return 0.1 + sum(w * option for w, option in zip(WEIGHTS, arch)) / 3 + 0.1 * (arch[0] == arch[3])


@pytest.mark.parametrize("model", MODELS)
def test_held_out_architectures_are_ranked(model, monkeypatch):
    monkeypatch.setattr(Binary, "WIDTH", 60)
    monkeypatch.setattr(Binary, "LR", 3e-3)
    archs = list(itertools.product(*map(range, CHOICES)))
    random.Random(0).shuffle(archs)
    known, held_out = archs[:60], archs[60:]
    made = MODELS[model](CHOICES, 0)
    made.fit(known, [value(arch) for arch in known])
    assert kendalltau(made.predict(held_out), [value(arch) for arch in held_out]).statistic > 0.8


def test_kernel_ridge_by_hand():
    """Two architectures of two decisions, which differ in one: kernel 1 and exp(-0.5), ranks 1 and 2."""
    made = KernelRidge((2, 2), 0)
    made.fit([(0, 0), (0, 1)], [0.3, 0.7])
    kernel = np.array([[1, np.exp(-0.5)], [np.exp(-0.5), 1]])
    weights = np.linalg.solve(kernel + 0.1 * np.eye(2), [-0.5, 0.5])
    np.testing.assert_allclose(made.predict([(0, 0), (0, 1)]), 1.5 + kernel @ weights)
    np.testing.assert_allclose(made.predict([(1, 1)]), 1.5 + np.exp([-1.0, -0.5]) @ weights)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return table(tmp_path_factory.mktemp("planted"), CHOICES, value, cost="proxy_synflow")


def test_it_finds_the_planted_optimum(run):
    for seed in range(3):
        made = run("predictor", seed, evaluations=40)
        assert made.method.search(made) == (3, 3, 3, 3)


def test_half_of_a_round_is_the_best_by_prediction(run):
    made = run("predictor", evaluations=20, rounds=2)
    made.method.search(made)
    archs = [arch for arch, _ in asked(made)]
    assert len(archs) == 20
    model = KernelRidge(CHOICES, 0)
    model.fit(archs[:10], [value(arch) for arch in archs[:10]])
    rest = [arch for arch in itertools.product(*map(range, CHOICES)) if arch not in archs[:10]]
    best_first = [rest[i] for i in np.argsort(-model.predict(rest), kind="stable")]
    assert archs[10:15] == best_first[:5]
    assert set(archs[15:]) <= set(best_first[5 : len(rest) // 2])


def test_warm_up_is_the_first_round(run):
    made = run("predictor", evaluations=10, rounds=2, warmup={"proxy": "synflow", "pool": 300})
    made.method.search(made)
    sums = [sum(arch) for arch, _ in asked(made)][:5]
    assert sums == sorted(sums, reverse=True) and sums[0] >= 10
