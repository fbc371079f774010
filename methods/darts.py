"""DARTS: a softmax over candidates makes the choice continuous; it is learnt by gradient descent on validation data.

Liu, Simonyan and Yang, "DARTS: Differentiable Architecture Search", ICLR 2019; details as in quark0/darts (cnn/). Each
step takes an architecture step on a fresh random validation batch, then a weight step on a training batch. The
result is the one that the space's rule derives from the last epoch's mixture.

Exact: supernet, mixture, both orders of the architecture gradient (with momentum and weight decay in the look-ahead
step), optimizers and schedules, and the rule that reads the genotype; checked against the public code's numbers.

Departs from the paper: first order by default (the paper's better results are second order: `order: 2`); the space can
be any with a supernet; one search, where the paper takes the best of four. With `order: 2` the mixed second derivative
is the authors' finite difference, on a fresh network 26 to 51% of the gradient's norm away from the exact one
(ReLU and max pooling have kinks within its step; golden case C=4, 3 cells); `hessian: exact` differentiates twice and
takes 1.5 times as long (C=8, 8 cells, 16x16, batch 64, one thread: medians of 6.0 s against 4.4 s an architecture step
in four pairs beside other work, 1.1 to 2.7 times).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from methods.base import Method, Run
from spaces.base import Arch, Space, UserError

if TYPE_CHECKING:
    from methods.parts.architect import Alphas
    from protocols.parts.optimizers import SGD, Adam
    from spaces.parts.network import Supernet


@dataclass(frozen=True)
class Darts(Method):
    """`order`: 1 or 2; `hessian`, for order 2: "exact" or "finite_difference"."""

    order: int = 1  # published: 1 and 2, the better results with 2
    hessian: str = "finite_difference"
    alpha_lr: float = 3e-4
    alpha_betas: tuple[float, float] = (0.5, 0.999)
    alpha_weight_decay: float = 1e-3
    lr: float = 0.025
    lr_min: float = 0.001
    momentum: float = 0.9
    weight_decay: float = 3e-4
    clip: float = 5.0

    def __post_init__(self):
        if self.order not in (1, 2):
            raise UserError(f"darts: order is {self.order!r}; it must be 1 or 2")
        if self.hessian not in ("exact", "finite_difference"):
            raise UserError(f"darts: hessian is {self.hessian!r}; it must be exact or finite_difference")

    def unsupported(self, space: Space) -> str | None:
        if type(space).supernet is Space.supernet:
            return "it needs a supernet, which this space does not have"
        return None

    def search(self, run: Run) -> Arch:
        from methods.parts.architect import Alphas
        from methods.parts.bilevel import entropy
        from protocols.parts.optimizers import SGD, Adam, cosine, set_lr

        supernet = run.supernet()
        alphas = Alphas(supernet.shape, run.generator).to(run.device)
        weights = SGD(supernet.parameters(), self.lr, self.momentum, self.weight_decay)
        decisions = Adam(alphas.parameters(), self.alpha_lr, self.alpha_betas, weight_decay=self.alpha_weight_decay)
        for epoch in run.epochs(supernet=supernet, alphas=alphas, weights=weights, decisions=decisions):
            lr = cosine(self.lr, self.lr_min, epoch, run.budget.epochs)
            set_lr(weights, lr)
            steps = [self._step(run, supernet, alphas, weights, decisions, lr, batch) for batch in run.batches("train")]
            means = {name: sum(step[name] for step in steps) / len(steps) for name in steps[0]}
            run.log(**means, alpha_entropy=entropy(alphas.mix()), lr=lr)
        return supernet.derive(alphas.mix())

    def _step(
        self, run: Run, supernet: Supernet, alphas: Alphas, weights: SGD, decisions: Adam, lr: float, batch: tuple
    ) -> dict[str, float]:
        from methods.parts.architect import first_order, second_order
        from methods.parts.bilevel import weight_step

        validation = run.batch("val")
        if self.order == 1:
            judgement = first_order(supernet, alphas, validation)
        else:
            buffers = [weights.state.get(w, {}).get("momentum_buffer") for w in weights.params]
            judgement = second_order(
                supernet, alphas, batch, validation, lr, self.momentum, buffers, self.weight_decay, self.hessian
            )
        for parameter, gradient in zip(alphas.parameters(), judgement.gradients):
            parameter.grad = gradient
        decisions.step()
        loss, accuracy = weight_step(supernet, weights, alphas.mix(), batch, self.clip)
        return {
            "train_loss": loss,
            "train_accuracy": accuracy,
            "val_loss": judgement.loss,
            "val_accuracy": judgement.accuracy,
        }
