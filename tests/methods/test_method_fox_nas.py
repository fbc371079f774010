"""FOX-NAS: the published models, least squares by hand, what annealing accepts, a planted linear space."""

import json
import random

import numpy as np
import pytest

from harness.plan import registry
from methods.parts import fox_space
from methods.parts.annealing import Walk, anneal, drawn
from methods.parts.linear import Options, Regression
from tests.methods.planted import asked, table

GOLDEN = json.loads((registry.ROOT / "tests/golden/fox.json").read_text())
FEATURES = {"accuracy": fox_space.accuracy_features, "latency": fox_space.latency_features}
LAST = tuple(len(options) - 1 for options in fox_space.OPTIONS)


def published(what, arch):
    x = FEATURES[what](fox_space.values(arch))
    model = GOLDEN[what]
    assert len(x) == len(model["coefficients"])
    return model["intercept"] + float(np.dot(x, model["coefficients"]))


def test_published_models_of_the_papers_own_space():
    """The smallest and the largest architecture."""
    assert published("accuracy", (0,) * 25) == pytest.approx(68.2488, abs=5e-5)
    assert published("latency", (0,) * 25) == pytest.approx(27.9858, abs=5e-5)
    assert published("accuracy", LAST) == pytest.approx(76.2477, abs=5e-5)
    assert published("latency", LAST) == pytest.approx(174.1003, abs=5e-5)


def step(decision, option):
    """The published moves: the option before, itself, the next."""
    return [one for one in (option - 1, option, option + 1) if 0 <= one < len(fox_space.OPTIONS[decision])]


def test_annealing_finds_what_the_published_models_allow():
    """Below 55 ms, as published: better than the best of 3,000 random architectures that are."""
    rng = random.Random(0)
    cheap = lambda arch: published("latency", arch) <= 55  # noqa: E731
    walk = Walk(step, fox_space.EARLY, fox_space.LATE, cheap)
    found = anneal((0,) * 25, walk, lambda arch: published("accuracy", arch), 300, rng)
    best = max(found, key=found.get)
    drawn = (tuple(rng.randrange(len(options)) for options in fox_space.OPTIONS) for _ in range(3000))
    assert cheap(best) and found[best] > max(published("accuracy", arch) for arch in drawn if cheap(arch)) + 0.5


def test_every_restart_begins_with_the_early_weights():
    seen = []

    def record(arch):
        seen.append(arch)
        return 0.0

    walk = Walk(lambda decision, _: range(3), (1, 0, 0), (0, 1, 1), lambda arch: True)
    for restart in range(2):
        seen.clear()
        anneal((0, 0, 0), walk, record, 300, random.Random(restart))
        assert {arch[1:] for arch in seen[:201]} == {(0, 0)} and {arch[0] for arch in seen[:201]} == {0, 1, 2}
        assert {arch[0] for arch in seen[201:]} == {0} and len({arch[1:] for arch in seen[201:]}) > 5


def test_a_little_worse_is_accepted_only_when_stuck():
    """One decision of two options; the second is worse by 0.09, or by 0.11."""
    for worse, accepted in ((0.09, 2), (0.11, 1)):
        walk = Walk(lambda decision, _: range(2), (1,), (1,), lambda arch: True)
        score = lambda arch, worse=worse: -worse * arch[0]  # noqa: E731
        assert len(anneal((0,), walk, score, 2000, random.Random(0))) == accepted
        assert len(anneal((0,), walk, score, 400, random.Random(0))) == 1


def test_decisions_are_drawn_in_proportion_to_their_weights():
    rng = random.Random(0)
    counts = np.zeros(4)
    for _ in range(8000):
        counts[drawn((1, 2, 5, 0), 1, rng)] += 1
    np.testing.assert_allclose(counts / 8000, [1 / 8, 2 / 8, 5 / 8, 0], atol=0.02)
    assert sorted(drawn((1, 2, 5, 0), 3, rng)) == [0, 1, 2]


def test_least_squares_by_leaving_out():
    rng = np.random.default_rng(0)
    x = rng.random((20, 3))
    y = 2 + x @ [1.0, -3.0, 0.5] + 0.1 * rng.standard_normal(20)
    made = Regression.of("abc", x, y)
    design = np.column_stack([np.ones(20), x])
    solved = np.linalg.lstsq(design, y, rcond=None)[0]
    np.testing.assert_allclose([made.intercept, *made.coefficients], solved)
    assert made.r2 == pytest.approx(1 - np.var(y - design @ solved) / np.var(y))
    errors = []
    for i in range(20):
        kept = np.arange(20) != i
        errors.append(y[i] - design[i] @ np.linalg.lstsq(design[kept], y[kept], rcond=None)[0])
    assert made.r2_left_out == pytest.approx(1 - np.mean(np.square(errors)) / np.var(y))
    assert Regression.of("abc", x[:3], y[:3]).r2_left_out is None


EFFECTS = ((0.0, 0.2, -0.1), (0.0, -0.2, -0.1), (0.0, 0.1, 0.15), (0.0, 0.05, 0.1))


def value(arch, _=None):
    return 0.4 + sum(row[option] for row, option in zip(EFFECTS, arch))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return table(tmp_path_factory.mktemp("planted"), (3, 3, 3, 3), value)


def test_it_explains_a_linear_space_and_finds_its_optimum(run):
    made = run("fox_nas", evaluations=20, patience=100, cost="weight")
    assert made.method.search(made) == (1, 0, 2, 2)
    curves = made.outcome()["curves"]
    last = {name: [value for value in column if value is not None] for name, column in curves.items()}
    assert last["accuracy R2"][0] == pytest.approx(1) and last["accuracy R2 left out"][0] == pytest.approx(1)
    names = [(d, o) for d in range(4) for o in (1, 2)]
    for d, option in names:
        assert last[f"accuracy coefficient: {d} {option}"][0] == pytest.approx(100 * EFFECTS[d][option])
        assert last[f"weight coefficient: {d} {option}"][0] == pytest.approx(option)  # the planted weight: 1 + options


def test_three_quarters_are_random_and_a_limit_holds(run):
    limit = {"cost": "weight", "most": 5}
    made = run("fox_nas", evaluations=20, patience=100, cost="weight", limit=limit)
    found = made.method.search(made)
    archs = [arch for arch, _ in asked(made)]
    assert len(archs) == 20 and all(1 + sum(arch) <= 5 for arch in archs)
    assert archs[15] == found == max((arch for arch in archs), key=value)  # the first that annealing proposes


def test_options_are_named_by_their_space():
    options = Options(registry.space("nasbench201"))
    assert options.names[:4] == ("0 skip_connect", "0 nor_conv_1x1", "0 nor_conv_3x3", "0 avg_pool_3x3")
    assert options([(0, 1, 2, 3, 4, 0)]).sum() == 4 and len(options.names) == 24
