"""NSGA-II with pymoo, driven by a search's questions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from pymoo.algorithms.moo.nsga2 import NSGA2
from pymoo.core.evaluator import Evaluator
from pymoo.core.problem import Problem
from pymoo.core.termination import NoTermination
from pymoo.operators.crossover.pntx import TwoPointCrossover
from pymoo.operators.mutation.pm import PM
from pymoo.operators.repair.rounding import RoundingRepair
from pymoo.problems.static import StaticProblem

from methods.parts.fronts import Point
from methods.parts.queries import Asking
from spaces.base import Arch

ETA = 3.0
"""Of polynomial mutation: a small one makes large steps."""
EXCLUDED = (0.0, np.inf)
"""What stands for an architecture that may not be evaluated; its violated constraint is what counts."""


def evolve(asking: Asking, population: int, offspring: int, point: Callable[[Arch], Point]) -> None:
    """Generation after generation, until `point`, which evaluates, leaves. pymoo draws from a generator of its own."""
    options = np.array(asking.space.choices)
    problem = Problem(len(options), n_obj=2, n_ieq_constr=1, xl=0 * options, xu=options - 1, vtype=int)
    algorithm = NSGA2(
        pop_size=population,
        n_offsprings=offspring,
        sampling=np.array([asking.sample() for _ in range(population)]),
        crossover=TwoPointCrossover(),
        mutation=PM(prob=1.0, eta=ETA, vtype=float, repair=RoundingRepair()),
    )
    algorithm.setup(problem, termination=NoTermination(), seed=asking.rng.getrandbits(32), verbose=False)
    while (born := algorithm.ask()) is not None and len(born):
        archs = [tuple(arch) for arch in born.get("X").tolist()]
        allowed = [asking.space.valid(arch) for arch in archs]
        found = np.array([point(arch) if valid else EXCLUDED for arch, valid in zip(archs, allowed)])
        objectives = np.column_stack([-found[:, 0], found[:, 1]])
        violations = np.where(allowed, -1.0, 1.0)[:, None]
        Evaluator().eval(StaticProblem(problem, F=objectives, G=violations), born)
        algorithm.tell(infills=born)
    while True:  # no offspring is new
        point(asking.sample())
