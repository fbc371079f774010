"""FairDARTS: every candidate has a weight of its own between 0 and 1, and a loss pulls the weights to these ends.

Paper: Chu, Zhou, Zhang and Li, "Fair DARTS: Eliminating Unfair Advantages in Differentiable Architecture Search", ECCV
2020; details as in xiaomi-automl/FairDARTS (fairdarts/). As in DARTS, every step is an architecture step on a fresh
random validation batch, then a weight step on a training batch; but a candidate's weight is the sigmoid of its
parameter, so that candidates do not compete. The loss of the architecture is the cross entropy plus `zero_one_weight`
times the zero-one loss, minus the mean of (sigmoid(alpha) - 0.5)^2.

Exact: sigmoids, both losses, order of the steps, initial values, optimizers and schedules.

Departs from the paper: its result keeps every candidate above 0.85, at most two edges per node, so a node can have one
edge and an edge several operations. The architectures of our spaces cannot say that: the result is what the space's
rule derives from the sigmoids, in the space of DARTS the two edges per node with the largest ones, each with one
operation. Where `none` is a candidate (the paper has taken it out) it computes zeros beside the others: its sigmoid
stays at 0.5 and counts in the mean of the zero-one loss, and it is never derived. The space of ENAS is declined,
because the weights of its supernet must be probabilities.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from methods.base import Method, Run
from methods.parts import needs
from spaces.base import Arch, Space
from spaces.enas.space import Enas

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from methods.parts.gumbel import Theta
    from protocols.parts.optimizers import Optimizer
    from spaces.parts.network import Supernet


@dataclass(frozen=True)
class FairDarts(Method):
    zero_one_weight: float = 10.0
    alpha_lr: float = 3e-3
    alpha_betas: tuple[float, float] = (0.9, 0.999)
    alpha_weight_decay: float = 1e-3
    lr: float = 0.005
    lr_min: float = 0.001
    momentum: float = 0.9
    weight_decay: float = 3e-4
    clip: float = 5.0

    def unsupported(self, space: Space) -> str | None:
        if isinstance(space, Enas):
            return "its weights are no probabilities, and the supernet of this space needs these"
        return needs.supernet(space)

    def search(self, run: Run) -> Arch:
        import torch

        from methods.parts.bilevel import means
        from methods.parts.collapse import course
        from methods.parts.gumbel import Theta
        from protocols.parts.optimizers import SGD, Adam, cosine, set_lr

        supernet = run.supernet()
        alphas = Theta(supernet.shape, torch.zeros(sum(supernet.shape))).to(run.device)
        weight_optimizer = SGD(supernet.parameters(), self.lr, self.momentum, self.weight_decay)
        alpha_optimizer = Adam(
            alphas.parameters(), self.alpha_lr, self.alpha_betas, weight_decay=self.alpha_weight_decay
        )
        state = {"weight_optimizer": weight_optimizer, "alpha_optimizer": alpha_optimizer}
        for epoch in run.epochs(supernet=supernet, alphas=alphas, **state):
            lr = cosine(self.lr, self.lr_min, epoch, run.budget.epochs)
            set_lr(weight_optimizer, lr)
            steps = means(
                self._step(run, supernet, alphas, weight_optimizer, alpha_optimizer, batch)
                for batch in run.batches("train")
            )
            gates = alphas.gates()
            shares = [row / row.sum() for row in gates]
            run.log(**steps, zero_one_loss=zero_one_loss(gates).item(), **course(run.space.candidates, shares), lr=lr)
        return supernet.derive(alphas.gates())

    def _step(
        self,
        run: Run,
        supernet: Supernet,
        alphas: Theta,
        weight_optimizer: Optimizer,
        alpha_optimizer: Optimizer,
        batch: tuple[Tensor, Tensor],
    ) -> dict[str, float]:
        """An architecture step, then a weight step on the training batch; returns what is logged."""
        from methods.parts.bilevel import architecture_step, weight_step

        gates = alphas.gates()
        val_loss, val_accuracy = architecture_step(
            supernet,
            alpha_optimizer,
            gates,
            run.batch("val"),
            lambda cross_entropy: cross_entropy + self.zero_one_weight * zero_one_loss(gates),
        )
        loss, accuracy = weight_step(supernet, weight_optimizer, alphas.gates(), batch, self.clip)
        return {"train_loss": loss, "train_accuracy": accuracy, "val_loss": val_loss, "val_accuracy": val_accuracy}


def zero_one_loss(gates: Sequence[Tensor]) -> Tensor:
    """Minus the mean squared distance of all weights from 0.5: a scalar, 0 where all are 0.5 and -1/4 where each is 0
    or 1 (xiaomi-automl/FairDARTS, separate_loss.py)."""
    import torch

    return -(torch.cat(list(gates)) - 0.5).square().mean()
