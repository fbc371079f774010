"""PC-DARTS: DARTS on a part of the channels, with a weight for each edge.

Paper: Xu et al., "PC-DARTS: Partial Channel Connections for Memory-Efficient Architecture Search", ICLR 2020; details
as in yuhuixu1993/PC-DARTS (model_search.py, train_search.py). On every edge one channel in `part` passes the mixture,
the others pass by, and all are shuffled. A node is the sum of its edges, weighted by a softmax over them. The weights
are trained alone at first. An edge is ranked, and its operation chosen, by the product of both weights.

Exact: partial channels, pooling of those that pass by where the map is halved, shuffle, edge weights, optimizers, the
first-order gradient, the derivation.

Departs from the paper: the warm-up is a share of the search, 15 of 50 epochs, so that a search of any length has one;
batches are the protocol's (the paper's have 256 images, which its larger learning rates go with). The supernet must
have a multiple of `part` channels.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from methods.base import Run
from methods.darts import Darts
from methods.parts.cell_spaces import cells_of, no_cells, supernet_of
from spaces.base import Arch, Space, UserError


@dataclass(frozen=True)
class PcDarts(Darts):
    """`part`: one channel in so many passes the mixture; 1 is DARTS with edge weights."""

    part: int = 4
    warmup: float = 0.3  # fraction of the epochs that trains weights only
    alpha_lr: float = 6e-4
    lr: float = 0.1
    lr_min: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.part < 1:
            raise UserError(f"pc_darts: part is {self.part}; it must be 1 or more")

    def unsupported(self, space: Space) -> str | None:
        return no_cells(space)

    def search(self, run: Run) -> Arch:
        from methods.parts.bilevel import entropy
        from methods.parts.collapse import course
        from methods.parts.edge_weights import WeightedEdges
        from protocols.parts.optimizers import cosine
        from spaces.parts.varied_edges import PartialEdge

        supernet = supernet_of(run, partial(PartialEdge, share=self.part))
        alphas = WeightedEdges(cells_of(run.space), run.generator).to(run.device)
        descent, epochs = self.descent(supernet, alphas), run.budget.epochs
        for epoch in run.epochs(**descent.state()):
            lr = cosine(self.lr, self.lr_min, epoch, epochs)
            means = descent.epoch(run, lr, architecture=epoch >= round(self.warmup * epochs))
            mix = alphas.probabilities()
            run.log(**means, **course(run.space.candidates, mix), edge_entropy=entropy(alphas.edges()), lr=lr)
        return supernet.derive(alphas.mix())
