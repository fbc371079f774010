"""Random search on a table, exactly: what the best by validation of n different random architectures is worth."""

from __future__ import annotations

import numpy as np


def steps(evaluations: int) -> list[int]:
    """1, 2, 5, 10, 20, 50 … up to a number of evaluations, and that number."""
    found = [digit * 10**power for power in range(len(str(evaluations))) for digit in (1, 2, 5)]
    return sorted({n for n in found if n < evaluations} | {evaluations})


def chances_of_ranks(population: int, n: int) -> np.ndarray:
    """(population,): the probability that the best of n different architectures, drawn uniformly, is the one of rank k
    (0 is best): C(population - k - 1, n - 1) / C(population, n)."""
    chances = np.zeros(population)
    chance = n / population
    for k in range(population - n + 1):
        chances[k] = chance
        chance *= (population - k - n) / (population - k - 1) if k < population - 1 else 0
    return chances


def random_search(validation: np.ndarray, test: np.ndarray, n: int) -> tuple[float, float]:
    """(mean, standard deviation) of the test accuracy of the best by validation of n random architectures of a table:
    exact, without simulation. Both arrays: (architectures,), in one order. Architectures that are equally good by
    validation are equally likely to be the first of them."""
    best_first = np.argsort(-validation, kind="stable")
    chances = chances_of_ranks(len(test), n)
    _, tied = np.unique(-validation[best_first], return_inverse=True)
    chances = (np.bincount(tied, chances) / np.bincount(tied))[tied]
    values = test[best_first]
    mean = float(chances @ values)
    return mean, float(np.sqrt(max(0.0, chances @ values**2 - mean**2)))
