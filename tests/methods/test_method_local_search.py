"""Local search: all neighbours before a step, restarts at local optima."""

import pytest

from tests.methods.planted import asked, table

CHOICES = (4, 4, 4)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """One hill: the value falls with the distance from (3, 1, 2)."""
    away = lambda arch: abs(arch[0] - 3) + abs(arch[1] - 1) + abs(arch[2] - 2)  # noqa: E731
    return table(tmp_path_factory.mktemp("planted"), CHOICES, lambda arch, _: (10 - away(arch)) / 20)


def test_it_climbs_by_the_best_of_all_neighbours(run):
    made = run("local_search", seed=3)
    assert made.method.search(made) == (3, 1, 2)
    start, *near = [arch for arch, _ in asked(made)][:10]
    assert set(near) == set(made.space.neighbours(start))
    steps = [made.space.parse(text) for text in made.outcome()["result"]["incumbents"]]
    best = max(near, key=lambda arch: made._asked.asked[arch, made._measure.full].accuracy)
    assert best in steps


def test_the_first_form_moves_at_once(run):
    """From a start with several better neighbours it asks fewer of them before it moves on."""
    whole, first = run("local_search", seed=3), run("local_search", seed=3, first=True)
    assert whole.method.search(whole) == first.method.search(first) == (3, 1, 2)
    start, *near = [arch for arch, _ in asked(first)][:10]
    assert start == asked(whole)[0][0] and set(near) != set(first.space.neighbours(start))


def test_it_starts_again_at_a_local_optimum(tmp_path):
    """Two hills whose tops are no neighbours: with the whole space as budget the higher one is found from any start."""
    top = {(0, 0): 0.5, (3, 3): 0.9}
    run = table(tmp_path, (4, 4), lambda arch, _: top.get(arch, 0.01 + arch[0] / 100))
    for seed in range(5):
        made = run("local_search", seed, evaluations=16)
        assert made.method.search(made) == (3, 3)
