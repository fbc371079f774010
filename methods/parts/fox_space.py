"""FOX-NAS' own space as its regressions see it: five stages, each with a depth, the mean expansion and kernel of its
layers but the first, and the expansion and kernel of the first.

Read in great8nctu/FOX-NAS, search_strategy/Simulated_annealing.py. No space of this project has these decisions; the
functions are here so that the published models can be recomputed, and be the pattern of one that has.
"""

from __future__ import annotations

from collections.abc import Sequence

STAGES = 5
DEPTHS, EXPANSIONS, KERNELS = (2, 3, 4), (2, 3, 4, 6), (3, 5, 7)
OPTIONS = tuple(options for options in (DEPTHS, EXPANSIONS, KERNELS, EXPANSIONS, KERNELS) for _ in range(STAGES))
"""The values of each of the 25 decisions, in the order of the coefficients."""
EARLY = (100,) * 5 + (1, 0, 0, 1, 1) + (0,) * 9 + (1,) + (0,) * 5
LATE = (1,) * 5 + (1, 3, 3, 3, 1) + (1, 3, 3, 3, 3) + (1, 3, 3, 3, 1) + (1, 3, 3, 3, 3)
"""How often annealing changes each decision: depths alone, at first."""


def values(arch: Sequence[int]) -> tuple[float, ...]:
    """The values of an architecture that names the option of each decision."""
    return tuple(float(options[option]) for options, option in zip(OPTIONS, arch))


def _stages(x: Sequence[float]) -> zip[tuple[float, float, float]]:
    return zip(x[:STAGES], x[STAGES : 2 * STAGES], x[2 * STAGES : 3 * STAGES])


def accuracy_features(x: Sequence[float]) -> list[float]:
    """40: the 25 values; (depth - 1) * mean expansion; depth * (depth - 1) * mean expansion; depth * mean kernel."""
    stages = list(_stages(x))
    products = [(depth - 1) * e for depth, e, _ in stages] + [depth * (depth - 1) * e for depth, e, _ in stages]
    return [*x, *products, *(depth * k for depth, _, k in stages)]


def latency_features(x: Sequence[float]) -> list[float]:
    """35: the 25 values; depth * mean expansion; depth * mean kernel."""
    stages = list(_stages(x))
    return [*x, *(depth * e for depth, e, _ in stages), *(depth * k for depth, _, k in stages)]
