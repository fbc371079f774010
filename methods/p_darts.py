"""P-DARTS: DARTS in three stages, with deeper supernets and fewer candidates in each.

Paper: Chen et al., "Progressive Differentiable Architecture Search: Bridging the Depth Gap between Search and
Evaluation", ICCV 2019; details as in chenxin061/pdarts (train_search.py, model_search.py). Every stage trains a fresh
supernet, at first its weights alone, then architecture parameters too; the heaviest candidates of each edge go on to
the next stage. Skip connections have dropout that fades out within each stage. At the end the weakest skip connections
of the normal cell are taken away, with a new derivation after each, until `skips` are left.

Exact: candidates (8, 5, 3, then the derivation, which never takes `none`), cells of each stage where the protocol
searches with 8, optimizers, clipping of both gradients, dropout of single elements behind skip connections that are
identities and its schedule, the limit on skip connections.

Departs from the paper: the numbers of cells are fractions of those that the protocol searches with, at least 3; the
stages share the protocol's epochs (the paper's have 25 each), and a search of fewer than three epochs has as many
stages; warm-up and schedule of the dropout are fractions of a stage; batches are the protocol's; every search keeps
`skips` skip connections, which the paper chooses. The public code goes on to no skip connection at all, and prints all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from methods.base import Run
from methods.darts import Darts
from methods.parts.cell_spaces import cells_of, no_cells, supernet_of
from methods.parts.stages import stage_of
from spaces.base import Arch, Space, UserError
from spaces.parts.cell_choices import CellChoices

if TYPE_CHECKING:
    from methods.parts.descent import Descent
    from spaces.parts.varied_edges import Dropout

STAGES = 3


@dataclass(frozen=True)
class PDarts(Darts):
    """`depths`, `dropout`: of each stage. `keep`: candidates of an edge in the second and the third stage."""

    depths: tuple[float, float, float] = (5 / 8, 11 / 8, 17 / 8)  # published: 5, 11, 17 cells. As fractions of DARTS' 8
    keep: tuple[int, int] = (5, 3)
    dropout: tuple[float, float, float] = (0.0, 0.4, 0.7)  # of CIFAR-10; CIFAR-100: 0.1, 0.2, 0.3
    skips: int = 2
    warmup: float = 0.4  # fraction of a stage's epochs that trains weights only
    alpha_lr: float = 6e-4
    alpha_clip: float = 5.0
    lr_min: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.keep[0] >= self.keep[1] >= 2:
            raise UserError(f"p_darts: keep is {self.keep}; it must fall, to 2 or more")
        if not all(0 <= rate < 1 for rate in self.dropout):
            raise UserError(f"p_darts: dropout is {self.dropout}; rates must be 0 or more and less than 1")

    def unsupported(self, space: Space) -> str | None:
        return no_cells(space)

    def search(self, run: Run) -> Arch:
        from methods.parts.collapse import course
        from methods.parts.stages import Stages, narrowed, with_few_skips
        from protocols.parts.optimizers import cosine
        from spaces.parts.varied_edges import Dropout

        dropout = Dropout(0.0, run.generator)
        stages = Stages(cells_of(run.space), partial(self._begin, run, dropout))
        for epoch in run.epochs(stages=stages):
            stage, at, epochs = self.stage_of(epoch, run.budget.epochs)
            if stage != stages.number:
                stages.advance(narrowed(stages.cells, stages.rows(), self.keep[stage - 1]))
            dropout.rate = self.dropout[stage] * self.fading(at, epochs)
            lr = cosine(self.lr, self.lr_min, at, epochs)
            means = stages.descent.epoch(run, lr, architecture=at >= round(self.warmup * epochs))
            mix = stages.descent.alphas.mix()
            run.log(**means, **course(stages.cells.normal + stages.cells.reduce, mix), lr=lr)
            run.log(stage=stage + 1, dropout=dropout.rate)
        return run.space.encode(with_few_skips(stages.cells, stages.rows(), self.skips))

    def stage_of(self, epoch: int, epochs: int) -> tuple[int, int, int]:
        """Of an epoch of a search: (number of its stage from 0, its number in the stage from 0, the stage's epochs)."""
        return stage_of(epoch, epochs, STAGES)

    def fading(self, epoch: int, epochs: int) -> float:
        """The share of a stage's dropout that is left in one of its epochs: it falls linearly during the warm-up, then
        starts again and falls exponentially, by a fifth of an e-fold in an epoch of 25."""
        warmup = round(self.warmup * epochs)
        return (epochs - epoch - 1) / epochs if epoch < warmup else math.exp(-0.2 * 25 / epochs * (epoch - warmup))

    def cells_in(self, stage: int, searched: int) -> int:
        """The number of cells of a stage's supernet where the protocol searches with `searched`. With fewer than three
        there would be no normal cell."""
        return max(3, round(self.depths[stage] * searched))

    def _begin(self, run: Run, dropout: Dropout, stage: int, cells: CellChoices) -> Descent:
        from methods.parts.architect import Alphas
        from spaces.parts.mixed_cells import MixedEdge
        from spaces.parts.varied_edges import SkipDropoutEdge

        edge = partial(SkipDropoutEdge, dropout=dropout) if self.dropout[stage] else MixedEdge
        supernet = supernet_of(run, edge, cells, self.cells_in(stage, run.size.cells))
        alphas = Alphas(supernet.shape, run.generator).to(run.device)
        return self.descent(supernet, alphas, self.alpha_clip)
