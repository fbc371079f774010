"""CNAS: a curriculum. The search starts with one operation and gets another one at every stage.

Paper: Guo et al., "Breaking the Curse of Space Explosion: Towards Efficient NAS with Curriculum Search", ICML 2020;
details as in guoyongcs/CNAS (cnas/search/). The first operation of the space comes first, the others in random order.
In a stage the shared weights are first trained on uniform paths (warm-up), then on paths of a recurrent controller,
with an epoch of REINFORCE behind each of their epochs: one architecture and one update for every validation batch. At
the end `budget.candidates` architectures are drawn from the controller; the one with the best accuracy on the whole
validation half is the result.

Exact: order of the operations, stages with their warm-up in the published proportion, one path per batch, reward,
baseline (moved before it is compared), entropy as a term of the loss, optimizers and their constants.

Departs from the paper: the space is that of ENAS, with five operations, instead of DARTS' eight; so there are five
stages. The controller is the one of our ENAS (one LSTM for both cells, attention over its own states), with the
published units and plain logits. A search shorter than a stage for each operation has a stage for each epoch, and the
operations come several at once. Weights and controller have half of the images each, instead of 40 and 60%. In the
public code operations come after every epoch of a stage (its indentation), so that all are there after eight epochs,
and candidates are compared on test images; here operations come by stages, as the paper says, and there is no test
image. The variant that grows the number of nodes is not there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from methods.base import Method, Run
from spaces.base import Arch, Space
from spaces.enas.choices import BLOCKS, OPERATIONS
from spaces.enas.space import Enas as EnasSpace

if TYPE_CHECKING:
    from torch import Tensor

    from methods.parts.controller import Reinforce
    from spaces.parts.network import Supernet


@dataclass(frozen=True)
class Cnas(Method):
    """`warmup_epochs` of the `stage_epochs` of a stage have uniform paths, at other lengths the same share."""

    warmup_epochs: int = 20
    stage_epochs: int = 60
    lr: float = 0.01
    momentum: float = 0.9  # Nesterov's
    weight_decay: float = 3e-4
    controller_lr: float = 3e-4
    controller_weight_decay: float = 5e-4
    controller_clip: float = 5.0
    entropy_weight: float = 0.005
    baseline_decay: float = 0.99
    units: int = 128

    def unsupported(self, space: Space) -> str | None:
        if isinstance(space, EnasSpace):
            return None
        return "its controller writes blocks of two inputs and two operations, which only the space enas has"

    def search(self, run: Run) -> Arch:
        from methods.parts.controller import Controller, Reinforce
        from methods.parts.paths import most_accurate, train_paths
        from protocols.parts.optimizers import SGD

        order = [0, *run.rng.sample(range(1, len(OPERATIONS)), len(OPERATIONS) - 1)]
        supernet = run.supernet()
        optimizer = SGD(supernet.parameters(), self.lr, self.momentum, self.weight_decay, nesterov=True)
        controller = Controller(BLOCKS, len(OPERATIONS), self.units, 1.0, None, generator=run.generator)
        policy = Reinforce(
            controller,
            self.controller_lr,
            self.baseline_decay,
            self.entropy_weight,
            betas=(0.9, 0.999),
            eps=1e-8,
            weight_decay=self.controller_weight_decay,
            entropy_in_loss=True,
            clip=self.controller_clip,
        )
        for epoch in run.epochs(supernet=supernet, optimizer=optimizer, policy=policy):
            operations, warmup = self.stage(order, epoch, run.budget.epochs)
            controller.open_only(operations)
            drawn = uniform(run, operations) if warmup else controller.sample(run.steps("train"), run.generator)
            found = train_paths(run, supernet, optimizer, drawn, None)
            if not warmup:
                found |= self.train_controller(run, supernet, policy)
            run.log(operations=len(operations), **found)
        return most_accurate(run, supernet, controller.sample(run.budget.candidates, run.generator))

    def stage(self, order: Sequence[int], epoch: int, epochs: int) -> tuple[Sequence[int], bool]:
        """(the operations that are there in an epoch of a search of `epochs`, whether it belongs to a warm-up)."""
        stages = min(len(order), epochs)
        stage = epoch * stages // epochs
        opened = -(-len(order) * (stage + 1) // stages)  # rounded up
        done = (epoch + 1) * stages - stage * epochs  # of the stage after this epoch, in 1/epochs
        return order[:opened], done * self.stage_epochs <= self.warmup_epochs * epochs

    def train_controller(self, run: Run, supernet: Supernet, policy: Reinforce) -> dict[str, float]:
        """One epoch of the controller; returns what is logged."""
        from methods.parts.bilevel import accuracy, means

        def update(batch: tuple[Tensor, Tensor]) -> dict[str, float]:
            return policy.learn(1, lambda arch: accuracy(supernet, supernet.path(arch), [batch]), run.generator)

        return means(map(update, run.batches("val")))


def uniform(run: Run, operations: Sequence[int]) -> Iterator[Arch]:
    """Architectures of the space enas drawn uniformly from those with these operations, without end."""
    while True:
        arch = run.space.sample(run.rng)
        yield tuple(run.rng.choice(operations) if i % 2 else choice for i, choice in enumerate(arch))
