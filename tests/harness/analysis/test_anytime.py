"""The best so far by evaluations, by hand; the exact expectation of random search by enumeration."""

from itertools import combinations, permutations

import numpy as np
import pytest

from harness.analysis.anytime import PROGRESS, anytime, progress
from harness.analysis.columns import by_column
from protocols.tables.parts.random_search import chances_of_ranks, random_search, steps


def records(seed, found, tests=None):
    """A search that improved after found[i][0] evaluations to a validation accuracy found[i][1], and its training."""
    key = {"dataset": "d", "space": "s", "method": "m", "seed": seed}
    curves = {"epoch": [n for n, _ in found], "validation": [value for _, value in found]}
    search = {"key": key, "result": {"evaluations": 10, "incumbents": ["a"] * len(found)}, "curves": curves}
    result = {} if tests is None else {"incumbents": tests, "optimum": 0.9, "random_search": {"1": 0.5, "10": 0.7}}
    return search, {"key": {**key, "main": True}, "result": result}


def table(*pairs):
    searches, trainings = zip(*pairs)
    return anytime(by_column(progress(searches, trainings), PROGRESS)).set_index("evaluations")


def test_the_best_so_far_is_judged_by_test():
    found = table(
        records(0, [(1, 0.2), (4, 0.6)], tests=[0.3, 0.8]),  # better by validation after 4
        records(1, [(1, 0.4), (2, 0.5)], tests=[0.6, 0.4]),  # better by validation, worse by test
    )
    assert list(found.index) == [1, 2, 5, 10] and set(found["judged"]) == {"test"} and set(found["n"]) == {2}
    assert found["mean"].tolist() == pytest.approx([0.45, 0.35, 0.6, 0.6])
    assert found["regret"].tolist() == pytest.approx([0.45, 0.55, 0.3, 0.3])
    assert found["random_search"].loc[[1, 10]].tolist() == [0.5, 0.7] and np.isnan(found["random_search"].loc[5])
    assert (found["low"] <= found["mean"]).all() and (found["mean"] <= found["high"]).all()


def test_without_a_table_it_is_validation():
    found = table(records(0, [(1, 0.2), (4, 0.6)]))
    assert set(found["judged"]) == {"validation"}
    assert found["mean"].tolist() == [0.2, 0.2, 0.6, 0.6] and found["regret"].isna().all()


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_random_search_is_the_mean_over_all_samples(n):
    validation, test = np.array([0.1, 0.5, 0.3, 0.9, 0.2]), np.array([0.2, 0.8, 0.1, 0.7, 0.4])
    best = [test[max(sample, key=validation.__getitem__)] for sample in combinations(range(5), n)]
    assert random_search(validation, test, n) == pytest.approx((np.mean(best), np.std(best)))
    assert chances_of_ranks(5, n).sum() == pytest.approx(1)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_equally_good_architectures_are_equally_likely(n):
    """Whichever of them comes first, in every order in which five architectures can be asked."""
    validation, test = np.array([0.5, 0.5, 0.3, 0.5, 0.3]), np.array([0.2, 0.8, 0.1, 0.6, 0.4])
    best = [test[max(order[:n], key=validation.__getitem__)] for order in permutations(range(5))]
    assert random_search(validation, test, n) == pytest.approx((np.mean(best), np.std(best)))


def test_steps():
    assert steps(100) == [1, 2, 5, 10, 20, 50, 100] and steps(16) == [1, 2, 5, 10, 16] and steps(1) == [1]
