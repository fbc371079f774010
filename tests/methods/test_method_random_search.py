"""Random search: uniform, the best by validation, the closed form of its expectation, warm-up and limits."""

import numpy as np
import pytest
from scipy.stats import chisquare

from protocols.tables.parts.random_search import chances_of_ranks
from spaces.base import UserError
from tests.methods.planted import asked, table

CHOICES = (3, 4)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Validation accuracies are the ranks of 12 architectures: 0.01 to 0.12."""
    return table(tmp_path_factory.mktemp("planted"), CHOICES, lambda arch, _: (4 * arch[0] + arch[1] + 1) / 100)


def test_it_is_uniform_and_finds_the_best_as_often_as_the_closed_form_says(run):
    """Of 600 searches with 3 evaluations: drawn with repetitions, which cost nothing, they see 3 different ones."""
    firsts, ranks = np.zeros(12), np.zeros(12)
    for seed in range(600):
        made = run("random_search", seed, evaluations=3)
        found = made.method.search(made)
        seen = [4 * arch[0] + arch[1] for arch, _ in asked(made)]
        assert len(set(seen)) == 3
        assert 4 * found[0] + found[1] == max(seen)
        firsts[seen[0]] += 1
        ranks[11 - max(seen)] += 1
    assert chisquare(firsts).pvalue > 1e-3
    expected = 600 * chances_of_ranks(12, 3)
    assert expected.sum() == pytest.approx(600) and not expected[10:].any()
    assert chisquare(ranks[:8], expected[:8] * ranks[:8].sum() / expected[:8].sum()).pvalue > 1e-3


def test_warm_up_asks_in_the_order_of_the_proxy_and_then_at_random(tmp_path):
    """The proxy's scores are a column of the table; without it the search is refused."""
    run = table(tmp_path, (3, 4), lambda arch, _: 0.1 + arch[0] / 10, cost="proxy_synflow")
    made = run("random_search", evaluations=12, warmup={"proxy": "synflow", "pool": 20})
    made.method.search(made)
    scores = [1 + sum(arch) for arch, _ in asked(made)]
    ranked = len(set(scores[:7]))
    assert scores[0] == 6 and scores[:7] == sorted(scores[:7], reverse=True) and ranked > 1
    assert len(scores) == 12 and made.outcome()["result"]["scores"] <= 12
    made = run("random_search", warmup={"proxy": "grasp"})
    with pytest.raises(UserError, match="has no column proxy_grasp: use params or flops"):
        made.method.search(made)


def test_a_limit_is_kept_and_an_impossible_one_is_refused(run):
    made = run("random_search", evaluations=5, limit={"cost": "weight", "most": 3})
    made.method.search(made)
    assert {sum(arch) for arch, _ in asked(made)} <= {0, 1, 2}
    for method in ("random_search", "reinforce", "nasnet"):  # a policy would draw for ever
        made = run(method, limit={"cost": "weight", "most": -1})
        with pytest.raises(UserError, match="none is within"):
            made.method.search(made)
    made = run("random_search", limit={"cost": "watts", "most": 1})
    with pytest.raises(UserError, match="has no cost 'watts': it has weight"):
        made.method.search(made)


@pytest.mark.parametrize(("within", "above", "best"), [(-0.07, -0.07, (2, 3)), (0, -1, (2, 0))])
def test_the_reward_weighs_accuracy_and_cost(run, within, above, best):
    """Everything is asked. Soft: 0.12 * (6/3)^-0.07 is the most. Hard: cost 3 at most, or accuracy falls with it."""
    made = run("random_search", reward={"cost": "weight", "target": 3, "within": within, "above": above})
    assert made.method.search(made) == best
