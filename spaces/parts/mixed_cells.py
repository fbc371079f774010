"""The supernet of a space of two cells, edge by edge and candidate by candidate (quark0/darts, cnn/model_search.py)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from spaces.base import Arch, Size
from spaces.parts.cell_choices import CellChoices
from spaces.parts.cells import Cell, CellNetwork
from spaces.parts.network import Supernet, used
from spaces.parts.operations import Concat, FactorizedReduce, ReluConvBn, operation
from spaces.parts.stack import CellShape, CellStack

Wanted = Sequence[tuple[int, ...]]
"""Per place the candidates that must be computed."""
Places = tuple[Sequence[Tensor], Wanted]
"""The mix and the wanted candidates of the places of one cell."""


class MixedEdge(nn.Module):
    """The weighted sum of all candidates of an edge, each with weights of its own."""

    def __init__(self, names: Sequence[str], channels: int, stride: int):
        super().__init__()
        self.channels, self.stride = channels, stride
        self.candidates = nn.ModuleDict({name: self.candidate(name) for name in names})

    def candidate(self, name: str) -> nn.Module:
        """A candidate with fresh weights."""
        return operation(name, self.channels, self.stride, search=True)

    def forward(self, x: Tensor, weights: Tensor, wanted: tuple[int, ...]) -> Tensor:
        """x: (images, channels, height, width); weights: (candidates,); wanted: the candidates to compute."""
        if not wanted:
            return x[:, :, :: self.stride, :: self.stride] * 0.0
        candidates = list(self.candidates.values())
        return sum(weights[k] * candidates[k](x) for k in wanted)


Edges = Callable[[Sequence[str], int, int], MixedEdge]
"""(candidates, channels, stride) -> edge"""


class MixedCell(nn.Module):
    """A cell with every candidate on every edge. Its output is the concatenation of all nodes."""

    def __init__(self, cells: CellChoices, shape: CellShape, edge: Edges = MixedEdge):
        super().__init__()
        channels = shape.channels
        self.nodes, self.outputs, self.sources = cells.nodes, cells.nodes * channels, [s for _, s in cells.edges]
        self.preprocess0 = (FactorizedReduce if shape.halved else ReluConvBn)(shape.inputs[0], channels, search=True)
        self.preprocess1 = ReluConvBn(shape.inputs[1], channels, search=True)
        self.edges = nn.ModuleList(
            edge(names, channels, 2 if shape.reduction and source < 2 else 1)
            for source, names in zip(self.sources, cells.reduce if shape.reduction else cells.normal)
        )
        self.join = Concat()

    def forward(self, before: Tensor, last: Tensor, mix: Sequence[Tensor], wanted: Wanted) -> Tensor:
        """before, last: the outputs of the two previous cells; mix: per place the weights (candidates,)."""
        states, place = [self.preprocess0(before), self.preprocess1(last)], 0
        for _ in range(self.nodes):
            into = range(place, place + len(states))
            states.append(sum(self.edges[k](x, mix[k], wanted[k]) for k, x in zip(into, states)))
            place = into.stop
        return self.join(*states[2:])


class VariedCell(MixedCell):
    """A `MixedCell` with edges of another kind (`spaces.parts.varied_edges`). The faster form of a whole cell is that
    of plain edges; these have the faster forms of their operations."""


class CellSupernet(CellStack, Supernet):
    """All architectures of a space of two cells. The places are the edges of the normal cell, in the order of
    `CellChoices.edges`, then those of the reduction cell. There is no auxiliary head."""

    def __init__(self, cells: CellChoices, size: Size, edge: Edges = MixedEdge):
        """edge: the kind of edge, for methods that train other edges than the space's own."""
        cell = MixedCell if edge is MixedEdge else VariedCell
        super().__init__(size, lambda shape: cell(cells, shape, edge), search=True)
        self.choices, self.size, self.shape = cells, size, cells.shape

    def forward(self, x: Tensor, mix: Sequence[Tensor]) -> Tensor:
        wanted, weights = [tuple(used(row)) for row in mix], [row.to(x) for row in mix]
        half = len(self.choices.edges)
        normal, reduce = (weights[:half], wanted[:half]), (weights[half:], wanted[half:])
        *_, last = self.maps(x, normal, reduce)
        return self.logits(last)

    def step(self, i: int, before: Tensor, last: Tensor, normal: Places, reduce: Places) -> tuple[Tensor, Tensor]:
        return last, self.cells[i](before, last, *(reduce if i in self.reductions else normal))

    def derive(self, mix: Sequence[Tensor]) -> Arch:
        return self.choices.encode(self.choices.derive([row.tolist() for row in mix]))

    def path(self, arch: Arch) -> list[Tensor]:
        """One-hot weights on the CPU, wherever the supernet is: `forward` reads there which candidates to compute."""
        mix = [torch.zeros(candidates) for candidates in self.shape]
        for place, candidate in self.choices.places(self.choices.decode(arch)):
            mix[place][candidate] = 1.0
        return mix

    def inherit(self, arch: Arch) -> nn.Module:
        genotype = self.choices.decode(arch)
        places = self.choices.places(genotype)
        half = len(places) // 2
        with torch.device("meta"):  # all its weights are copied below: none need to be drawn
            network = CellNetwork(genotype, self.size, search=True)
            pairs: list[Any] = list(zip(self.cells, network.cells))
            picks = [
                _picked(cell, places[half:] if i in self.reductions else places[:half])
                for i, cell in enumerate(self.cells)
            ]
            for (_, cell), picked in zip(pairs, picks):
                cell.operations = nn.ModuleList(edge.candidate(name) for edge, name in picked)
        network.to_empty(device=self.classifier.weight.device).to(self.classifier.weight)
        for mine, its in zip(
            (self.stem, self.stem2, self.classifier), (network.stem, network.stem2, network.classifier)
        ):
            if mine is not None and its is not None:
                its.load_state_dict(mine.state_dict())
        for (mixed, cell), picked in zip(pairs, picks):
            _inherit(cell, mixed, picked)
        return Logits(network)


class Logits(nn.Module):
    """A network without its auxiliary output."""

    def __init__(self, network: CellNetwork):
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x)[0]


def _picked(mixed: Any, places: Sequence[tuple[int, int]]) -> list[tuple[MixedEdge, str]]:
    """The edge of a cell and the candidate on it for each operation. places: of each its place in the supernet and the
    number of its candidate there."""
    edges = [(mixed.edges[place % len(mixed.edges)], number) for place, number in places]
    return [(edge, list(edge.candidates)[number]) for edge, number in edges]


def _inherit(cell: Cell, mixed: MixedCell, picked: Sequence[tuple[MixedEdge, str]]) -> None:
    """Copies the weights of a cell."""
    cell.preprocess0.load_state_dict(mixed.preprocess0.state_dict())
    cell.preprocess1.load_state_dict(mixed.preprocess1.state_dict())
    for its, (edge, name) in zip(cell.operations, picked):
        its.load_state_dict(edge.candidates[name].state_dict())
