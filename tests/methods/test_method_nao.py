"""NAO: what is written is what was read, predictions rise along the step, options of other decisions are never written,
shares of the budget."""

import itertools
import random

import pytest
import torch

from methods.parts.autoencoder import Autoencoder
from tests.methods.planted import asked, table

CHOICES = (4, 2, 3, 4)


def value(arch, _=None):
    return 0.2 + sum(arch) / 15


@pytest.fixture(scope="module")
def trained():
    archs = list(itertools.product(*map(range, CHOICES)))
    random.Random(0).shuffle(archs)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = Autoencoder(CHOICES)
        model.fit(archs[:60], [value(arch) for arch in archs[:60]], 150, 0.8)
    return model, archs


def test_decoding_an_encoded_architecture_gives_it_back(trained):
    model, archs = trained
    tokens = model.tokens(archs[:60])
    assert (model.decode(model.encode(tokens)) == tokens).all(1).float().mean() > 0.95


def test_greedy_decoding_follows_the_probabilities(trained):
    """The likeliest token behind those before it: two ways to run the writer."""
    model, archs = trained
    points = model.encode(model.tokens(archs))
    tokens = model.decode(points)
    assert torch.equal(model.write(points, tokens).argmax(-1), tokens)


def test_only_options_of_the_decision_are_written():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        model = Autoencoder(CHOICES)  # not trained, and so sure of nothing
    points = torch.nn.functional.normalize(torch.randn(200, 4, 64, generator=torch.Generator().manual_seed(0)), dim=-1)
    written = model.decode(points) - model.starts
    assert (written >= 0).all() and (written < torch.tensor(CHOICES)).all() and len(written.unique(dim=0)) > 1


def test_predicted_and_true_values_rise_along_the_step(trained):
    model, archs = trained
    worst = sorted(archs, key=value)[:20]
    predicted, true = [], []
    for step in (0, 10, 30):
        moved = model.moved(worst, step)
        predicted.append(model.predict(model.encode(model.tokens(moved))).mean().item())
        true.append(sum(map(value, moved)) / 20)
    assert model.moved(worst, 0) == worst
    assert predicted[0] < predicted[1] < predicted[2] and true[0] + 0.1 < true[2]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return table(tmp_path_factory.mktemp("planted"), (4,) * 5, lambda arch, _: 0.1 + sum(arch) / 20)


def test_the_pool_is_random_and_rounds_move_the_best(run):
    """Random architectures have 0.47 on average; those that are decoded 0.6 and more."""
    made = run("nao", evaluations=100, epochs=100, rounds=1, pool=0.8, top=0.2)
    found = made.method.search(made)
    values = [0.1 + sum(arch) / 20 for arch, _ in asked(made)]
    assert len(values) == 100
    assert sum(values[80:]) / 20 > sum(values[:80]) / 80 + 0.1
    assert 0.1 + sum(found) / 20 == max(values)


def test_training_draws_from_the_search_alone(run):
    state = torch.get_rng_state()
    archs = []
    for global_seed in (0, 1):
        torch.manual_seed(global_seed)
        made = run("nao", 3, evaluations=12, epochs=3)
        made.method.search(made)
        archs.append([arch for arch, _ in asked(made)])
    torch.set_rng_state(state)
    assert archs[0] == archs[1]


def test_nothing_is_learnt_behind_the_last_answer(run, monkeypatch):
    """Its only round ends the budget, or leaves a rest of it where random architectures were known."""
    fits = []
    monkeypatch.setattr(Autoencoder, "fit", lambda self, archs, *_: fits.append(len(archs)))
    made = run("nao", evaluations=30, rounds=1)
    made.method.search(made)
    assert fits[0] == 16 and fits[-1] < 30
