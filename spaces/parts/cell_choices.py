"""What can be chosen in a space of two cells, and how an architecture becomes a genotype and back. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

from spaces.base import Arch, UserError
from spaces.parts.genotype import Edge, Genotype

Candidates = tuple[tuple[str, ...], ...]
"""The operations that a supernet mixes on each edge of a cell, in the order of `CellChoices.edges`."""


@dataclass(frozen=True)
class CellChoices:
    """A normal and a reduction cell. Each node adds two operations on two distinct states: the cell's inputs 0 and 1
    and the nodes before it. All nodes make up the cell's output. `none` is mixed where it is a candidate, never chosen.

    An architecture lists, for the normal cell and then the reduction cell, three numbers per node: the pair of inputs,
    in lexicographic order; the operation on the lower input; the operation on the higher one.
    """

    space: str  # its name in messages
    normal: Candidates
    reduce: Candidates
    nodes: int = 4

    @cached_property
    def edges(self) -> tuple[tuple[int, int], ...]:
        """(node, state that it reads) of every place of a cell: by node, then by state."""
        return tuple((node, source) for node in range(self.nodes) for source in range(node + 2))

    @cached_property
    def inputs(self) -> tuple[tuple[tuple[int, int], ...], ...]:
        """For each node the pairs of distinct inputs, in lexicographic order."""
        return tuple(tuple(combinations(range(node + 2), 2)) for node in range(self.nodes))

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """The number of candidates at each place of a supernet: edges of the normal cell, then of the reduction one."""
        return tuple(len(names) for names in self.normal + self.reduce)

    @cached_property
    def choices(self) -> tuple[int, ...]:
        """The number of options at each decision. Edges into the same node may have fewer operations: see `valid`."""
        options: list[int] = []
        for candidates in (self.normal, self.reduce):
            for node, pairs in enumerate(self.inputs):
                most = max(len(self._chosen(candidates, node, source)) for source in range(node + 2))
                options += len(pairs), most, most
        return tuple(options)

    def valid(self, arch: Arch) -> bool:
        """Whether every edge has the operation chosen for it, for an architecture with one option per decision."""
        return all(
            operation < len(self._chosen(candidates, node, source))
            for candidates, decisions in zip((self.normal, self.reduce), self._halves(arch))
            for node, source, operation in self._picks(decisions)
        )

    def decode(self, arch: Arch) -> Genotype:
        """The genotype of an architecture."""
        concat = tuple(range(2, self.nodes + 2))
        normal, reduce = (
            tuple((self._chosen(candidates, node, source)[k], source) for node, source, k in self._picks(decisions))
            for candidates, decisions in zip((self.normal, self.reduce), self._halves(arch))
        )
        return Genotype(normal, concat, reduce, concat)

    def encode(self, genotype: Genotype) -> Arch:
        """The architecture of a genotype, whatever the order of a node's two edges. UserError outside the space."""
        normal = self._encode_cell("normal", self.normal, genotype.normal, genotype.normal_concat)
        return normal + self._encode_cell("reduce", self.reduce, genotype.reduce, genotype.reduce_concat)

    def places(self, genotype: Genotype) -> list[tuple[int, int]]:
        """(place of a supernet, candidate there) of every edge of a genotype of the space."""
        found = []
        for first, candidates, edges in (
            (0, self.normal, genotype.normal),
            (len(self.edges), self.reduce, genotype.reduce),
        ):
            for i, (operation, source) in enumerate(edges):
                place = self.edges.index((i // 2, source))
                found.append((first + place, candidates[place].index(operation)))
        return found

    def derive(self, mix: Sequence[Sequence[float]]) -> Genotype:
        """The genotype that DARTS' code reads from the weights of a supernet's places (model_search.py, genotype()).

        Each node keeps the two incoming edges whose heaviest candidate, `none` excepted, weighs most, each edge with
        that candidate. The heavier edge comes first; of equal edges the lower source, of equal candidates the first.
        """
        half, concat = len(self.edges), tuple(range(2, self.nodes + 2))
        normal = self._heaviest(self.normal, mix[:half])
        return Genotype(normal, concat, self._heaviest(self.reduce, mix[half:]), concat)

    def _heaviest(self, candidates: Candidates, rows: Sequence[Sequence[float]]) -> tuple[Edge, ...]:
        found: list[Edge] = []
        for node in range(self.nodes):
            into = []
            for (to, source), names, row in zip(self.edges, candidates, rows):
                if to == node:
                    weight, name = max(
                        ((w, name) for w, name in zip(row, names) if name != "none"), key=lambda pair: pair[0]
                    )
                    into.append((weight, name, source))
            into.sort(key=lambda edge: -edge[0])
            found += [(name, source) for _, name, source in into[:2]]
        return tuple(found)

    def _chosen(self, candidates: Candidates, node: int, source: int) -> tuple[str, ...]:
        """What an architecture can have on an edge."""
        return tuple(name for name in candidates[self.edges.index((node, source))] if name != "none")

    def _halves(self, arch: Arch) -> tuple[Arch, Arch]:
        return arch[: 3 * self.nodes], arch[3 * self.nodes :]

    def _picks(self, decisions: Arch) -> Iterator[tuple[int, int, int]]:
        """(node, source, number of the operation) of each edge of a cell."""
        for node, pairs in enumerate(self.inputs):
            pair, *operations = decisions[3 * node : 3 * node + 3]
            for source, operation in zip(pairs[pair], operations):
                yield node, source, operation

    def _encode_cell(self, cell: str, candidates: Candidates, edges: tuple[Edge, ...], concat: tuple[int, ...]) -> Arch:
        where, all_nodes = f"genotype is outside the {self.space} space, '{cell}'", list(range(2, self.nodes + 2))
        if len(edges) != 2 * self.nodes:
            raise UserError(f"{where}: {len(edges) // 2} nodes; the space has {self.nodes}")
        if sorted(concat) != all_nodes:
            raise UserError(f"{where}: concat is {list(concat)}; the space concatenates all nodes, {all_nodes}")
        decisions: list[int] = []
        for node in range(self.nodes):
            low, high = sorted(edges[2 * node : 2 * node + 2], key=lambda edge: edge[1])
            numbers = []
            for operation, source in (low, high):
                chosen = self._chosen(candidates, node, source)
                if operation not in chosen:
                    raise UserError(f"{where}, node {node + 2}: {operation} is not one of {', '.join(chosen)}")
                numbers.append(chosen.index(operation))
            if low[1] == high[1]:
                raise UserError(f"{where}, node {node + 2}: input {low[1]} twice; a node has two distinct inputs")
            decisions += [self.inputs[node].index((low[1], high[1])), *numbers]
        return tuple(decisions)
