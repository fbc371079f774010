"""Random search with weight sharing: shared weights are trained on random paths, then random paths are compared.

Paper: Li and Talwalkar, "Random Search and Reproducibility for Neural Architecture Search", UAI 2019; details as in
liamcli/randomNAS_release (searchers/random_weight_share.py). Every training batch trains one architecture, drawn
uniformly from the space. Then come one or more rounds, one for every `round_steps` steps of the training. A round draws
`samples` architectures and measures each on `sample_batches` random validation batches of its own; the best
`budget.candidates` of them are measured on the whole validation half. The result is the best of all rounds.

Exact: one architecture per batch, optimizer and schedule, the number of rounds, both stages of a round. With the
protocol `paper`, ten architectures of a round reach its second stage, as published.

Departs from the paper: any space with a supernet can be searched, and sampling is uniform over its architectures; a
training shorter than `round_steps` is followed by a round that is smaller in proportion (the public code's has 1,000
architectures, which after a hundred steps would take most of the search); one search instead of the best of several;
batches are not augmented in measurements.
"""

from __future__ import annotations

from dataclasses import dataclass
from heapq import nlargest
from typing import TYPE_CHECKING

from methods.base import Method, Run
from methods.parts import needs
from spaces.base import Arch, Space

if TYPE_CHECKING:
    from spaces.parts.network import Supernet


@dataclass(frozen=True)
class RandomPaths(Method):
    lr: float = 0.025
    lr_min: float = 0.001
    momentum: float = 0.9
    weight_decay: float = 3e-4
    clip: float = 5.0
    round_steps: int = 10_000
    samples: int = 1000  # of a round; fewer, in proportion, where the whole training has fewer than `round_steps`
    sample_batches: int = 10

    def unsupported(self, space: Space) -> str | None:
        return needs.supernet(space)

    def search(self, run: Run) -> Arch:
        from methods.parts.paths import random_archs, train_paths
        from protocols.parts.optimizers import SGD, cosine, set_lr

        supernet = run.supernet()
        optimizer = SGD(supernet.parameters(), self.lr, self.momentum, self.weight_decay)
        for epoch in run.epochs(supernet=supernet, optimizer=optimizer):
            lr = cosine(self.lr, self.lr_min, epoch, run.budget.epochs)
            set_lr(optimizer, lr)
            run.log(lr=lr, **train_paths(run, supernet, optimizer, random_archs(run), self.clip))
        return self.choose(run, supernet)

    def choose(self, run: Run, supernet: Supernet) -> Arch:
        """The best architecture of all rounds by its accuracy on the whole validation half, the first of equal ones."""
        from methods.parts.paths import most_accurate, path_accuracy

        def score(arch: Arch) -> float:
            return path_accuracy(run, supernet, arch, self.sample_batches)

        rounds, samples = self.rounds(run.budget.epochs * run.steps("train"))
        finalists: list[Arch] = []
        for _ in range(rounds):
            archs = [run.space.sample(run.rng) for _ in range(max(samples, run.budget.candidates))]
            finalists += nlargest(run.budget.candidates, archs, key=score)
        return most_accurate(run, supernet, finalists)

    def rounds(self, steps: int) -> tuple[int, int]:
        """(rounds, architectures of each) after a training of so many steps."""
        return max(1, steps // self.round_steps), self.samples * min(steps, self.round_steps) // self.round_steps
