"""StacNAS: first one operation for each group of similar ones, then the members of the group that won, on every edge.

Paper: Li et al., "StacNAS: Towards Stable and Consistent Optimization for Differentiable Neural Architecture Search",
2019 (arXiv 1909.11926); details as in susan0199/StacNAS (search.py, genotypes.py). Similar operations share what one of
them would weigh alone, so that a group of two loses to an operation that is like no other. Stage 1 has one operation
of each group: max pooling, skip connection, 3x3 separable and 3x3 dilated convolution, and `none`. Stage 2 begins
afresh on a deeper supernet with the group of each edge's winner. Every batch moves weights and architecture parameters
together: there is one level, and no validation batch. The result is what the space's rule derives after stage 2.

Exact: groups, stages, `none` in both and never chosen, one level, optimizers, clipping of the weights' gradients, the
two logits of a group of one (the public code lists the skip connection twice).

Departs from the paper: only the half "train" is used, where the paper's search has all training images; the stages
share the protocol's epochs (the paper's have 80 each), and a search of one epoch has stage 1 alone; numbers of cells
are fractions of those that the protocol searches with, at least 3; edges are ranked by softmax weights, as in DARTS,
while the public code ranks them by raw logits, which say nothing of the other candidates of an edge; a group whose
representative is no candidate of an edge is represented by its other member.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from methods.base import Run
from methods.darts import Darts
from methods.parts.cell_spaces import cells_of, no_cells, supernet_of
from methods.parts.stages import Stages, stage_of
from spaces.base import Arch, Space, UserError
from spaces.parts.cell_choices import CellChoices

if TYPE_CHECKING:
    from methods.parts.descent import Descent


@dataclass(frozen=True)
class Stacnas(Darts):
    """`depths`: of each stage. There is one level, so `order` is 1."""

    depths: tuple[float, float] = (14 / 8, 20 / 8)  # published: 14 and 20 cells. As fractions of DARTS' 8
    clip: float = 3.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.order != 1:
            raise UserError("stacnas: order is 2; it has one level, so there is nothing to look through: leave it 1")

    def unsupported(self, space: Space) -> str | None:
        return no_cells(space)

    def search(self, run: Run) -> Arch:
        from methods.parts.collapse import course
        from methods.parts.groups import opened, represented
        from protocols.parts.optimizers import cosine

        stages = Stages(represented(cells_of(run.space)), partial(self._begin, run))
        for epoch in run.epochs(stages=stages):
            stage, at, epochs = stage_of(epoch, run.budget.epochs, len(self.depths))
            if stage != stages.number:
                stages.advance(opened(cells_of(run.space), stages.cells, stages.rows()))
            lr = cosine(self.lr, self.lr_min, at, epochs)
            means = stages.descent.epoch(run, lr)
            mix = stages.descent.alphas.mix()
            run.log(**means, **course(stages.cells.normal + stages.cells.reduce, mix), lr=lr, stage=stage + 1)
        return run.space.encode(stages.cells.derive(stages.rows()))

    def _begin(self, run: Run, stage: int, cells: CellChoices) -> Descent:
        from methods.parts.descent import OneLevel
        from methods.parts.groups import Twins
        from spaces.parts.mixed_cells import MixedEdge

        depth = max(3, round(self.depths[stage] * run.size.cells))  # with fewer there would be no normal cell
        supernet = supernet_of(run, MixedEdge, cells, depth)
        alphas = Twins(cells.normal + cells.reduce, run.generator).to(run.device)
        return self.descent(supernet, alphas, kind=OneLevel)
