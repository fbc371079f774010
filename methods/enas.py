"""ENAS: a recurrent controller learns by REINFORCE which paths through a network of shared weights are accurate.

Paper: Pham et al., "Efficient Neural Architecture Search via Parameter Sharing", ICML 2018, micro search space; details
that the paper leaves open are those of the authors' code (melodyguan/enas, scripts/cifar10_micro_search.sh).

Each epoch first trains the shared weights on the training half, with one sampled architecture per batch, and then the
controller: `controller_steps` updates, each from `samples` architectures. The reward of an architecture is its accuracy
on one validation batch of its own, not augmented. At the end `budget.candidates` architectures are drawn from the
controller; the one with the best accuracy on the whole validation half is the result.

Exact: space, LSTM with attention over the inputs (normal cell, then reduction cell with the same state), temperature
and tanh constants, reward, baseline, entropy, alternation, warm restarts; sizes are checked against the authors' graph.

Departs from the paper: the controller's learning rate 0.0035 with Adam(0, 0.999, eps 1e-3) and the entropy weight 1e-4
are those of the authors' script. Temperature 5, tanh constant 2.5 and no preference for convolutions are the paper's,
not the script's (no temperature, 1.10, `prior`). The baseline starts at the first reward, not at 0. Gradients are
clipped to the global norm 5, which the authors' `clip_mode` names but does not do. There is no dropout and no auxiliary
head in the search (the authors' head stays at its random weights, because it is not among the trained ones). Warm
restarts are cut to the length of the search. The result is chosen from the candidates by a rule; the authors' script
only prints them.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

from methods.base import Method, Run
from spaces.base import Arch, Space
from spaces.enas.choices import BLOCKS, OPERATIONS
from spaces.enas.space import Enas as EnasSpace

if TYPE_CHECKING:
    from methods.parts.controller import Reinforce
    from spaces.parts.network import Supernet


@dataclass(frozen=True)
class Enas(Method):
    """The learning rate of the weights follows a cosine from `lr` to `lr_min` that restarts after `restart` epochs,
    then after twice as many, and so on. `weight_decay` is twice the authors' factor, because their penalty has no
    1/2."""

    lr: float = 0.05
    lr_min: float = 5e-4
    restart: int = 10
    momentum: float = 0.9
    weight_decay: float = 2e-4
    clip: float = 5.0
    controller_steps: int = 30
    samples: int = 10
    controller_lr: float = 0.0035
    entropy_weight: float = 1e-4
    baseline_decay: float = 0.99
    units: int = 64
    temperature: float = 5.0
    tanh: float = 2.5
    op_tanh_reduce: float = 2.5
    prior: bool = False  # published: False, in the authors' script True

    def unsupported(self, space: Space) -> str | None:
        if isinstance(space, EnasSpace):
            return None
        return "its controller writes blocks of two inputs and two operations, which only the space enas has"

    def search(self, run: Run) -> Arch:
        from methods.parts.controller import Controller, Reinforce
        from methods.parts.paths import most_accurate, train_paths
        from protocols.parts.optimizers import SGD, set_lr

        supernet = run.supernet()
        optimizer = SGD(supernet.parameters(), self.lr, self.momentum, weight_decay=self.weight_decay, nesterov=True)
        logits = self.temperature, self.tanh, self.op_tanh_reduce, self.prior
        controller = Controller(BLOCKS, len(OPERATIONS), self.units, *logits, generator=run.generator)
        policy = Reinforce(controller, self.controller_lr, self.baseline_decay, self.entropy_weight)
        for epoch in run.epochs(supernet=supernet, optimizer=optimizer, policy=policy):
            lr = self._learning_rate(epoch, run.budget.epochs)
            set_lr(optimizer, lr)
            # The controller does not change in the epoch of the weights, so it samples for all batches at once.
            archs = controller.sample(run.steps("train"), run.generator)
            weights = train_paths(run, supernet, optimizer, archs, self.clip)
            run.log(lr=lr, **weights, **self._train_controller(run, supernet, policy))
        return most_accurate(run, supernet, controller.sample(run.budget.candidates, run.generator))

    def _learning_rate(self, epoch: int, epochs: int) -> float:
        """The learning rate of the shared weights in an epoch of a search of `epochs`."""
        from protocols.parts.optimizers import cosine

        period = min(self.restart, epochs)
        while epoch >= period:
            epoch, period = epoch - period, 2 * period
        return cosine(self.lr, self.lr_min, epoch, period)

    def _train_controller(self, run: Run, supernet: Supernet, policy: Reinforce) -> dict[str, float]:
        """One epoch of the controller."""
        from methods.parts.bilevel import accuracy

        def reward(arch: Arch) -> float:
            return accuracy(supernet, supernet.path(arch), [run.batch("val", augment=False)])

        updates = [policy.learn(self.samples, reward, run.generator) for _ in range(self.controller_steps)]
        means = {name: fmean(update[name] for update in updates) for name in updates[0]}
        return {**means, "baseline": policy.baseline}
