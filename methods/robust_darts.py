"""RobustDARTS: DARTS with stronger regularisation, which stops before the validation loss becomes too curved.

Paper: Zela et al., "Understanding and Robustifying Differentiable Architecture Search", ICLR 2020; details as in
automl/RobustDARTS (src/utils.py, src/search). After every epoch the largest eigenvalue of the Hessian of the validation
loss with respect to the architecture parameters is measured on one batch, and logged as `eigenvalue`. When its mean
over the last `window` epochs is more than `factor` times the mean `lag` epochs before, the search ends, with the
architecture from the middle of that earlier window.

Exact: DARTS (see there), drop path on every edge of the supernet, its linear growth, the rule that stops, and the
products with the Hessian, which are differentiated and not differences.

Departs from the paper: early stopping and stronger regularisation, which it studies one at a time, are on together
(`weight_decay: 3e-4` is its DARTS-ES, `early_stop: false` its R-DARTS); the weight decay is fixed, where R-DARTS
chooses the best of four searches by validation and DARTS-ADA raises it during the search; window, lag and start are
shares of the search, so that a short search can stop too; an eigenvalue is measured every epoch instead of every
second one, from `products` products with the Hessian (Lanczos) instead of the whole matrix, without the constant that
the weight decay of the parameters adds; cutout does not grow with drop path. Ten products take as long as 40 steps of
the search (C=4, 4 cells, 16x16, batch 64, one thread: 2 s a product, 0.5 s a step).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from methods.base import Run
from methods.darts import Darts
from methods.parts.cell_spaces import no_cells
from spaces.base import Arch, Space
from spaces.parts.layerwise import Layerwise

if TYPE_CHECKING:
    from methods.parts.early_stop import EigenvalueWatch
    from spaces.parts.network import DropPath, Supernet


@dataclass(frozen=True)
class RobustDarts(Darts):
    """`early_stop: false` with `weight_decay: 3e-4` is DARTS, with its eigenvalues logged."""

    weight_decay: float = 27e-4  # published: the best of 3e-4, 9e-4, 27e-4 and 81e-4
    drop_path: float = 0.0  # published: 0, 0.2, 0.4 or 0.6. Probability in the last epoch; it grows linearly from 0
    early_stop: bool = True
    factor: float = 1.3
    window: float = 0.18  # fraction of the epochs; the paper's 5 eigenvalues span 9 of 50
    lag: float = 0.16  # fraction of the epochs; 8 of 50
    start: float = 0.2  # fraction of the epochs from which architectures are returned; 10 of 50
    products: int = 10  # published: all, the whole matrix

    def unsupported(self, space: Space) -> str | None:
        if self.drop_path and no_cells(space):
            return f"drop_path drops edges: {no_cells(space)}"
        if isinstance(space, Layerwise) or not space.candidates:
            return "it is defined for spaces whose edges mix operations, and this is none"
        return None

    def search(self, run: Run) -> Arch:
        from methods.parts.architect import Alphas
        from methods.parts.collapse import course
        from methods.parts.curvature import dominant_eigenvalue
        from protocols.parts.optimizers import cosine
        from spaces.parts.network import DropPath

        drop = DropPath(0.0, run.generator)
        supernet = self._supernet(run, drop)
        alphas = Alphas(supernet.shape, run.generator).to(run.device)
        descent, watch, epochs = self.descent(supernet, alphas), self.watch(run.budget.epochs), run.budget.epochs
        for epoch in run.epochs(**descent.state(), watch=watch):
            drop.keep = 1 - self.drop_path * epoch / max(1, epochs - 1)
            lr = cosine(self.lr, self.lr_min, epoch, epochs)
            run.log(**descent.epoch(run, lr), **course(run.space.candidates, alphas.mix()), lr=lr)
            eigenvalue = dominant_eigenvalue(supernet, alphas, run.batch("val"), run.generator, self.products)
            run.log(eigenvalue=eigenvalue)
            watch.see(eigenvalue, supernet.derive(alphas.mix()))
            stopped = watch.verdict() if self.early_stop else None
            if stopped is not None:
                return stopped
        return supernet.derive(alphas.mix())

    def watch(self, epochs: int) -> EigenvalueWatch:
        """The rule that stops a search of `epochs`."""
        from methods.parts.early_stop import EigenvalueWatch

        window, lag = (max(1, round(share * epochs)) for share in (self.window, self.lag))
        return EigenvalueWatch(window, lag, round(self.start * epochs), self.factor)

    def _supernet(self, run: Run, drop: DropPath) -> Supernet:
        """The space's own, or one whose edges `drop` drops."""
        from methods.parts.cell_spaces import supernet_of
        from spaces.parts.varied_edges import DropPathEdge

        if not self.drop_path:
            return run.supernet()
        return supernet_of(run, partial(DropPathEdge, drop=drop))
