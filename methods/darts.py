"""DARTS: a softmax over candidates makes the choice continuous; it is learnt by gradient descent on validation data.

Paper: Liu, Simonyan and Yang, "DARTS: Differentiable Architecture Search", ICLR 2019; details as in quark0/darts
(cnn/). Every step of the search is an architecture step on a fresh random validation batch, then a weight step on a
training batch. The result is what the space's rule derives from the mixture after the last epoch.

Exact: supernet, mixture, both orders of the architecture gradient (with momentum and weight decay in the look-ahead
step), optimizers and schedules, and the rule that reads the genotype; checked against the public code's numbers.

Departs from the paper: first order by default (the paper's better results are second order: `order: 2`); any space with
a supernet can be searched; one search instead of the best of four. With `order: 2` the mixed second derivative is the
authors' finite difference. On a fresh network it differs from the exact one by 26 to 51% of the gradient's norm,
because ReLU and max pooling have kinks within its interval (golden case: C=4, 3 cells). `hessian: exact` differentiates
twice and takes 1.5 times as long (C=8, 8 cells, 16x16, batch 64, one thread, on a busy machine: medians of 6.0 s
against 4.4 s per architecture step in four pairs of runs, ratios from 1.1 to 2.7).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from methods.base import Method, Run
from methods.parts import needs
from spaces.base import Arch, Space, UserError

if TYPE_CHECKING:
    from methods.parts.architect import AlphaGradient, Alphas, Batch
    from methods.parts.descent import Descent
    from protocols.parts.optimizers import SGD
    from spaces.parts.network import Supernet


@dataclass(frozen=True)
class Darts(Method):
    """`order`: 1 or 2. `hessian`, used with order 2: "exact" or "finite_difference"."""

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

    def __post_init__(self) -> None:
        name = type(self).__module__.rpartition(".")[2]
        if self.order not in (1, 2):
            raise UserError(f"{name}: order is {self.order!r}; it must be 1 or 2")
        if self.hessian not in ("exact", "finite_difference"):
            raise UserError(f"{name}: hessian is {self.hessian!r}; it must be exact or finite_difference")

    def unsupported(self, space: Space) -> str | None:
        return needs.supernet(space)

    def search(self, run: Run) -> Arch:
        from methods.parts.architect import Alphas
        from methods.parts.collapse import course
        from protocols.parts.optimizers import cosine

        supernet = run.supernet()
        alphas = Alphas(supernet.shape, run.generator).to(run.device)
        descent = self.descent(supernet, alphas)
        for epoch in run.epochs(**descent.state()):
            lr = cosine(self.lr, self.lr_min, epoch, run.budget.epochs)
            run.log(**descent.epoch(run, lr), **course(run.space.candidates, alphas.mix()), lr=lr)
        return supernet.derive(alphas.mix())

    def descent(
        self, supernet: Supernet, alphas: Alphas, alpha_clip: float | None = None, kind: type[Descent] | None = None
    ) -> Descent:
        """The optimizers and the architecture gradient that the fields ask for; `kind`: where it is not `Descent`."""
        from methods.parts.descent import Descent as Bilevel
        from protocols.parts.optimizers import SGD, Adam

        weights = SGD(supernet.parameters(), self.lr, self.momentum, self.weight_decay)
        architecture = Adam(alphas.parameters(), self.alpha_lr, self.alpha_betas, weight_decay=self.alpha_weight_decay)
        return (kind or Bilevel)(supernet, alphas, weights, architecture, self._gradient, self.clip, alpha_clip)

    def _gradient(
        self, supernet: Supernet, alphas: Alphas, weights: SGD, training: Batch, validation: Batch
    ) -> AlphaGradient:
        from methods.parts.architect import first_order, second_order

        if self.order == 1:
            return first_order(supernet, alphas, validation)
        lr = weights.param_groups[0]["lr"]  # which the second order looks ahead with
        buffers = [weights.state.get(w, {}).get("momentum_buffer") for w in weights.params]
        return second_order(
            supernet, alphas, training, validation, lr, self.momentum, buffers, self.weight_decay, self.hessian
        )
