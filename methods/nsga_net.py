"""NSGA-Net: a genetic algorithm with two objectives, accuracy and a cost, whose result is a front.

Paper: Lu et al., NSGA-Net: neural architecture search using multi-objective genetic algorithm (GECCO 2019); details as
in ianwhale/nsga-net. NSGA-II (Deb et al., 2002) as pymoo has it: the best of parents and offspring survive, by rank of
dominance, then by crowding distance. A run is judged by one architecture, and `find` says which one of the front of all
that was evaluated: `accuracy`, the most accurate, or `knee`, the one that lies farthest from the line between the two
ends, towards accurate and cheap, with both objectives scaled to 0 to 1 over the front.

Exact: NSGA-II, crossover at two points, polynomial mutation with eta 3 and rounding, tournaments of two by dominance
and then crowding, no duplicates, numbers of parents and offspring.

Departs from the paper: decisions are those of the space instead of its own bits; architectures that the space or a
limit excludes are not evaluated, and lose against all others; the Bayesian network that exploits the archive at the end
is missing, as it is in the public code. The rule `find` is ours, since the paper gives the front. A budget below
`population` is spent on random architectures alone.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import Literal

from methods.parts.fronts import Point, knee
from methods.parts.queries import Asking, QueryMethod
from spaces.base import Arch, Space


@dataclass(frozen=True)
class NsgaNet(QueryMethod):
    population: int = 40
    offspring: int = 40
    cost: str = "macs"  # what `Run.cost` knows: macs, parameters or a column of costs of a table
    find: Literal["accuracy", "knee"] = "accuracy"  # published: none, the result is a front

    def unsupported(self, space: Space) -> str | None:
        if importlib.util.find_spec("pymoo") is None:
            return "it needs pymoo: pip install -c constraints.txt -e '.[evolution]'"
        return None

    def explore(self, asking: Asking) -> None:
        from methods.parts.genetic import evolve

        evolve(asking, self.population, self.offspring, lambda arch: self._point(asking, arch))

    def _point(self, asking: Asking, arch: Arch) -> Point:
        return asking.value(arch), asking.run.cost(self.cost, arch)

    def found(self, asking: Asking) -> Arch:
        if self.find == "accuracy" or not asking.values:
            return super().found(asking)
        archs = list(asking.values)
        return archs[knee([(asking.values[arch], asking.run.cost(self.cost, arch)) for arch in archs])]
