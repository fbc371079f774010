"""SPOS: shared weights are trained on uniform paths; then evolution looks for the most accurate path, below a cost.

Paper: Guo et al., "Single Path One-Shot Neural Architecture Search with Uniform Sampling", ECCV 2020; details as in
megvii-model/SinglePathOneShot. Every training batch trains one architecture, drawn uniformly from the space. Then a
population evolves: `parents`, the best of all that were measured so far, give `mutants` and `crossovers`, and random
architectures fill it up. No architecture is measured twice, none exceeds the limit of the cost. The result is the best
of all that were measured, each on the whole validation half.

Exact: uniform single paths, label smoothing, optimizer, the evolution: its numbers, mutation of each decision with the
probability `mutation`, crossover decision by decision.

Departs from the paper: any space with a supernet can be searched, while the paper's has four blocks of ShuffleNet; the
learning rate falls linearly by epochs instead of steps, and is in proportion to the batch; all weights decay; no limit
of the cost by default. Batch normalisation is not recalibrated on training images before an architecture is measured:
our supernets have no running averages, an architecture is measured with the statistics of each validation batch. The
public code draws training paths within random bins of cost; ours are uniform, as the paper says. Evolution compares
`population` architectures in each of `generations`, whatever `budget.candidates` says, because it is the search.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from heapq import nlargest

from methods.base import Method, Run
from methods.parts import needs
from methods.parts.costs import check_metric, option_costs
from spaces.base import Arch, Space, UserError

Test = Callable[[Arch], bool]
Fresh = Callable[[Callable[[], Arch], int], list[Arch]]
"""(what draws an architecture, a number) -> up to so many distinct ones that were not measured yet"""
TRIES = 10
"""How often evolution tries for each new architecture before it goes on with fewer (the public code's number)."""


@dataclass(frozen=True)
class Spos(Method):
    """`cost`: macs or parameters, in thousands. `cost_limit`: the largest cost of an architecture at the size of the
    search, or None."""

    lr: float = 0.5  # for batches of 1024 images, in proportion
    momentum: float = 0.9
    weight_decay: float = 4e-5
    label_smoothing: float = 0.1
    clip: float = 5.0  # published: none
    population: int = 50
    generations: int = 20
    parents: int = 10
    mutants: int = 25
    crossovers: int = 25
    mutation: float = 0.1  # probability of a new draw, for each decision
    cost: str = "macs"
    cost_limit: float | None = None  # published: 330 million multiply-adds at the full size

    def __post_init__(self) -> None:
        check_metric("spos", self.cost)

    def unsupported(self, space: Space) -> str | None:
        return needs.supernet(space) or (needs.costs(space) if self.cost_limit is not None else None)

    def search(self, run: Run) -> Arch:
        from methods.parts.paths import path_accuracy, random_archs, train_paths
        from protocols.parts.optimizers import SGD, set_lr

        affordable = self.affordable(run)
        supernet = run.supernet()
        lr = self.lr * run.budget.batch / 1024
        optimizer = SGD(supernet.parameters(), lr, self.momentum, self.weight_decay)
        for epoch in run.epochs(supernet=supernet, optimizer=optimizer):
            now = lr * (1 - epoch / run.budget.epochs)
            set_lr(optimizer, now)
            archs = random_archs(run)
            run.log(lr=now, **train_paths(run, supernet, optimizer, archs, self.clip, self.label_smoothing))
        return self.evolve(run.space, run.rng, lambda arch: path_accuracy(run, supernet, arch), affordable)

    def affordable(self, run: Run) -> Test:
        """Whether an architecture costs at most the limit. UserError where none does."""
        if self.cost_limit is None:
            return lambda arch: True
        limit = self.cost_limit
        constant, table = option_costs(run.space, run.size, self.cost)
        cheapest = constant + sum(map(min, table))
        if cheapest > limit:
            raise UserError(f"spos: cost_limit is {limit:g}, but the cheapest network costs {cheapest:g}: raise it")
        return lambda arch: constant + sum(row[option] for row, option in zip(table, arch)) <= limit

    def evolve(self, space: Space, rng: random.Random, fitness: Callable[[Arch], float], affordable: Test) -> Arch:
        """The fittest architecture that was measured, the first of equal ones. UserError where none was found."""
        measured: dict[Arch, float] = {}

        def fresh(draw: Callable[[], Arch], number: int) -> list[Arch]:
            found: dict[Arch, None] = {}
            for _ in range(TRIES * number):
                if len(found) == number:
                    break
                arch = draw()
                if arch not in measured and space.valid(arch) and affordable(arch):
                    found[arch] = None
            return list(found)

        parents: list[Arch] = []
        for _ in range(self.generations):
            population = self.offspring(space, rng, parents, fresh) if parents else []
            population += fresh(lambda: space.sample(rng), self.population - len(population))
            measured |= {arch: fitness(arch) for arch in dict.fromkeys(population)}
            parents = nlargest(self.parents, measured, key=lambda arch: measured[arch])
        if not parents:
            raise UserError("spos: evolution found no architecture below cost_limit; raise it")
        return parents[0]

    def offspring(self, space: Space, rng: random.Random, parents: list[Arch], fresh: Fresh) -> list[Arch]:
        """Mutants of the parents, then crossovers."""
        mutants = fresh(lambda: self.mutant(space, rng.choice(parents), rng), self.mutants)
        return mutants + fresh(lambda: crossed(rng.choice(parents), rng.choice(parents), rng), self.crossovers)

    def mutant(self, space: Space, parent: Arch, rng: random.Random) -> Arch:
        """A copy in which each decision is drawn anew with the probability `mutation`."""
        return tuple(
            rng.randrange(options) if rng.random() < self.mutation else option
            for option, options in zip(parent, space.choices)
        )


def crossed(first: Arch, second: Arch, rng: random.Random) -> Arch:
    """Each decision from one of the two, with equal probability."""
    return tuple(rng.choice(pair) for pair in zip(first, second))
