"""ENAS: a recurrent controller learns by REINFORCE which paths through a network of shared weights do well.

Pham et al., "Efficient Neural Architecture Search via Parameter Sharing", ICML 2018, micro search space; details that
the paper leaves open are those of the authors' code (melodyguan/enas, scripts/cifar10_micro_search.sh).

Each epoch trains the shared weights on the training half, one sampled architecture a batch, and then the controller:
`controller_steps` updates, each from `samples` architectures whose reward is the accuracy on one validation batch of
their own, not augmented. In the end `budget.candidates` architectures are drawn from the controller; the one with the
best accuracy over the whole validation half is the result.

Exact: space, LSTM with attention over the inputs (normal cell, then the reduction with the same state), temperature and
tanh constants, reward, baseline, entropy, alternation, warm restarts; sizes are checked against the authors' graph.

Departs from the paper: controller learning rate 0.0035 with Adam(0, 0.999, eps 1e-3) and entropy weight 1e-4, as the
authors' script has them; temperature 5 and tanh constant 2.5 are the paper's (the script: no temperature, 1.10), as is
the absence of a preference for convolutions (the script's: `prior`); the baseline starts at the first reward, not at 0;
gradients are clipped to the global norm 5, which the authors' `clip_mode` means but does not do; no auxiliary head in
the search (the authors' stays at its random weights, being left out of the trained ones) and no dropout; restarts are
cut to the search's length; the choice among the candidates is by rule, where the authors' script prints them.
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
    from methods.parts.controller import Controller, Reinforce
    from protocols.parts.optimizers import SGD
    from spaces.parts.network import Supernet


@dataclass(frozen=True)
class Enas(Method):
    """Learning rates of the weights follow a cosine from `lr` to `lr_min` that restarts after `restart` epochs, then
    after twice as many, and so on. `weight_decay` is twice the authors' factor, whose penalty lacks the 1/2."""

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
        return "its controller writes blocks of two inputs and two operations: only the space enas has them"

    def search(self, run: Run) -> Arch:
        from methods.parts.bilevel import accuracy
        from methods.parts.controller import Controller, Reinforce
        from protocols.parts.optimizers import SGD, set_lr

        supernet = run.supernet()
        weights = SGD(supernet.parameters(), self.lr, self.momentum, weight_decay=self.weight_decay, nesterov=True)
        logits = self.temperature, self.tanh, self.op_tanh_reduce, self.prior
        controller = Controller(BLOCKS, len(OPERATIONS), self.units, *logits, generator=run.generator)
        policy = Reinforce(controller, self.controller_lr, self.baseline_decay, self.entropy_weight)
        for epoch in run.epochs(supernet=supernet, weights=weights, policy=policy):
            lr = self._learning_rate(epoch, run.budget.epochs)
            set_lr(weights, lr)
            run.log(lr=lr, **self._train(run, supernet, weights, controller), **self._teach(run, supernet, policy))
        candidates = controller.sample(run.budget.candidates, run.generator)
        return max(
            candidates, key=lambda arch: accuracy(supernet, supernet.path(arch), run.batches("val", augment=False))
        )

    def _learning_rate(self, epoch: int, epochs: int) -> float:
        from protocols.parts.optimizers import cosine

        period = min(self.restart, epochs)
        while epoch >= period:
            epoch, period = epoch - period, 2 * period
        return cosine(self.lr, self.lr_min, epoch, period)

    def _train(self, run: Run, supernet: Supernet, weights: SGD, controller: Controller) -> dict[str, float]:
        """One epoch of the shared weights. The controller stands still, so it samples for all batches at once."""
        from methods.parts.bilevel import weight_step

        archs = controller.sample(run.steps("train"), run.generator)
        steps = [
            weight_step(supernet, weights, supernet.path(arch), batch, self.clip)
            for arch, batch in zip(archs, run.batches("train"))
        ]
        loss, right = (sum(values) / len(steps) for values in zip(*steps))
        return {"train_loss": loss, "train_accuracy": right}

    def _teach(self, run: Run, supernet: Supernet, policy: Reinforce) -> dict[str, float]:
        """One epoch of the controller."""
        from methods.parts.bilevel import accuracy

        def reward(arch: Arch) -> float:
            return accuracy(supernet, supernet.path(arch), [run.batch("val", augment=False)])

        updates = [policy.learn(self.samples, reward, run.generator) for _ in range(self.controller_steps)]
        return {name: fmean(update[name] for update in updates) for name in updates[0]} | {"baseline": policy.baseline}
