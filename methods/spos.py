"""SPOS: shared weights are trained on uniform paths; then evolution looks for the most accurate path, below a cost.

Paper: Guo et al., "Single Path One-Shot Neural Architecture Search with Uniform Sampling", ECCV 2020; details as in
megvii-model/SinglePathOneShot. Every training batch trains one architecture, drawn uniformly from the space. Then a
population evolves: `parents`, the best of all that were measured so far, give `mutants` and `crossovers`, and random
architectures fill it up. No architecture is measured twice, none is beyond `limit`. The result is the best
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
from methods.parts.queries import Limit
from spaces.base import Arch, Space

Fresh = Callable[[Callable[[], Arch], int], list[Arch]]
"""(what draws an architecture, a number) -> up to so many distinct ones that were not measured yet"""
TRIES = 10
"""How often evolution tries for each new architecture before it goes on with fewer (the public code's number)."""


@dataclass(frozen=True)
class Spos(Method):
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
    limit: Limit | None = None  # published: 330 million multiply-adds

    def unsupported(self, space: Space) -> str | None:
        return needs.supernet(space)

    def search(self, run: Run) -> Arch:
        from methods.parts.paths import path_accuracy, random_archs, train_paths
        from protocols.parts.optimizers import SGD, set_lr

        supernet = run.supernet()
        lr = self.lr * run.budget.batch / 1024
        optimizer = SGD(supernet.parameters(), lr, self.momentum, self.weight_decay)
        for epoch in run.epochs(supernet=supernet, optimizer=optimizer):
            now = lr * (1 - epoch / run.budget.epochs)
            set_lr(optimizer, now)
            archs = random_archs(run)
            run.log(lr=now, **train_paths(run, supernet, optimizer, archs, self.clip, self.label_smoothing))
        space = self.limit.space(run) if self.limit else run.space
        return self.evolve(space, run.rng, lambda arch: path_accuracy(run, supernet, arch))

    def evolve(self, space: Space, rng: random.Random, fitness: Callable[[Arch], float]) -> Arch:
        """The fittest architecture that was measured, the first of equal ones."""
        measured: dict[Arch, float] = {}

        def fresh(draw: Callable[[], Arch], number: int) -> list[Arch]:
            found: dict[Arch, None] = {}
            for _ in range(TRIES * number):
                if len(found) == number:
                    break
                arch = draw()
                if arch not in measured and space.valid(arch):
                    found[arch] = None
            return list(found)

        parents: list[Arch] = []
        for _ in range(self.generations):
            population = self.offspring(space, rng, parents, fresh) if parents else []
            population += fresh(lambda: space.sample(rng), self.population - len(population))
            measured |= {arch: fitness(arch) for arch in dict.fromkeys(population)}
            parents = nlargest(self.parents, measured, key=lambda arch: measured[arch])
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
