"""Aging evolution: the oldest leaves, the best of a sample without replacement is the parent, moves and warm-up."""

from collections import deque

import pytest

from tests.methods.planted import asked, table

CHOICES = (5, 5, 5, 5)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    weights = (1.0, 0.7, 0.5, 0.3)
    value = lambda arch, _: (1 + sum(w * option for w, option in zip(weights, arch))) / 12  # noqa: E731
    return table(tmp_path_factory.mktemp("planted"), CHOICES, value, cost="proxy_synflow")


def changes(a, b):
    return sum(x != y for x, y in zip(a, b))


def test_children_are_neighbours_of_the_best_living(run):
    """With the whole population as sample the parent is the best of the living, wherever it came from: a population
    that loses its worst instead of its oldest would have another parent."""
    made = run("aging_evolution", population=6, tournament=6, evaluations=40)
    values, order = {}, []
    ask = made.evaluate

    def evaluate(arch, fidelity=None):
        order.append(arch)
        values[arch] = ask(arch, fidelity)
        return values[arch]

    made.evaluate = evaluate
    made.method.search(made)
    living, dead_parents = deque(order[:6]), 0
    best_ever = max(living, key=lambda arch: (values[arch], arch))
    for child in order[6:]:
        parent = max(living, key=lambda arch: (values[arch], arch))
        assert changes(parent, child) == 1
        best_ever = max(best_ever, child, key=lambda arch: values[arch])
        dead_parents += best_ever not in living
        living.append(child)
        living.popleft()
    assert dead_parents  # the best of all has died of age at least once


def test_it_finds_the_planted_optimum(run):
    for seed in range(5):
        made = run("aging_evolution", seed, population=10, tournament=3, evaluations=150)
        found = made.method.search(made)
        assert changes(found, (4, 4, 4, 4)) <= 1


def test_a_sample_has_no_repetition_unless_it_is_asked_for(run):
    """A sample as large as the population, without replacement, always holds its best."""
    for replacement, always in ((False, True), (True, False)):
        hits = []
        for seed in range(10):
            made = run("aging_evolution", seed, population=4, tournament=4, evaluations=5, replacement=replacement)
            made.method.search(made)
            *first, child = [arch for arch, _ in asked(made)]
            best = max(first, key=lambda arch: made._asked.asked[arch, made._measure.full].accuracy)
            hits.append(changes(best, child) == 1)
        assert all(hits) == always


def test_a_move_goes_to_the_best_neighbour_by_the_proxy(run):
    """The proxy is 1 + the sum of the options, so every step raises one option to 4."""
    made = run("aging_evolution", population=1, tournament=1, evaluations=5, move={"proxy": "synflow", "random": 0})
    made.method.search(made)
    archs = [arch for arch, _ in asked(made)]
    archs = archs[: archs.index((4, 4, 4, 4)) + 1] if (4, 4, 4, 4) in archs else archs
    assert len(archs) > 1
    for parent, child in zip(archs, archs[1:]):
        (changed,) = [i for i in range(4) if parent[i] != child[i]]
        assert child[changed] == 4 and parent[changed] == min(parent)


def test_warm_up_fills_the_population(run):
    made = run("aging_evolution", population=5, tournament=2, evaluations=5, warmup={"proxy": "synflow", "pool": 100})
    made.method.search(made)
    sums = [sum(arch) for arch, _ in asked(made)]
    assert sums == sorted(sums, reverse=True) and sums[0] >= 13
