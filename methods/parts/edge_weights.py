"""Architecture parameters of PC-DARTS: the edges into a node have weights of their own, which sum to one."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from methods.parts.architect import Alphas
from spaces.parts.cell_choices import CellChoices


class WeightedEdges(Alphas):
    """A place's mix is softmax(alpha) of its candidates times the weight of its edge: softmax(beta) over the edges into
    the same node. So a node's mixes sum to one together. Betas are drawn as alphas are, behind them."""

    def __init__(self, cells: CellChoices, generator: torch.Generator):
        super().__init__(cells.shape, generator)
        self.into = [node + 2 for node in range(cells.nodes)]  # edges into each node, node by node
        self.betas = nn.ParameterList(1e-3 * torch.randn(len(cells.edges), generator=generator) for _ in range(2))

    def mix(self) -> list[Tensor]:
        edges = [weight for node in self.edges() for weight in node.unbind()]
        return [weight * candidates for weight, candidates in zip(edges, self.probabilities())]

    def edges(self) -> list[Tensor]:
        """For each node of the normal cell, then of the reduction cell, the weights of the edges into it."""
        return [node.softmax(0) for betas in self.betas for node in betas.split(self.into)]

    def probabilities(self) -> list[Tensor]:
        """The softmax of the candidates alone."""
        return super().mix()
