"""The space of NAS-Bench-201 (Dong and Yang, ICLR 2020): one cell of four nodes, one of five operations on each of its
six edges; 15,625 cells, 6,466 of them different."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from spaces.base import Arch, Size, Space, UserError
from spaces.nasbench201.layout import KERNELS, stages
from spaces.nasbench201.notation import EDGES, OPERATIONS, Design, connected, isomorphism, paths, read, write

if TYPE_CHECKING:
    from spaces.parts.network import Network, Supernet

REDUCTION = 2 * 9 + 4 * 9 + 2
"""Weights of a residual reduction over the square of its input's channels: 3x3 to twice the channels, 3x3 between
these, 1x1 to twice the channels."""


@dataclass(frozen=True)
class Nasbench201(Space):
    """An architecture names the operation on each edge, in the order of the text. All combinations are valid, also
    those that carry nothing from input to output (`connected` tells them): the benchmark has trained these too.

    `Size.cells` counts cells without the two residual blocks that halve the map: 15 as published, five in each of three
    stages; where it is no multiple of three, later stages get the rest.
    """

    choices = (len(OPERATIONS),) * len(EDGES)
    published = Size(channels=16, cells=15, classes=10, image=32)
    searched = Size(channels=16, cells=15, classes=10, image=32)

    @property
    def candidates(self) -> tuple[tuple[str, ...], ...]:
        return (OPERATIONS,) * len(EDGES)

    def decode(self, arch: Arch) -> Design:
        named = [(node, (OPERATIONS[option], source)) for option, (node, source) in zip(arch, EDGES)]
        return tuple(tuple(edge for at, edge in named if at == node) for node in (1, 2, 3))

    def encode(self, design: Design) -> Arch:
        if [(node, source) for node, edges in enumerate(design, 1) for _, source in edges] != list(EDGES):
            raise UserError(
                f"{write(design)} is outside the space nasbench201, whose cells have one operation on each edge: "
                "|op~0|+|op~0|op~1|+|op~0|op~1|op~2|"
            )
        return tuple(OPERATIONS.index(name) for edges in design for name, _ in edges)

    def write(self, design: Design) -> str:
        return write(design)

    def read(self, text: str) -> Design:
        return read(text)

    def connected(self, arch: Arch) -> bool:
        """Whether a path without `none` leads from the cell's input to its output."""
        return connected(self.decode(arch))

    def paths(self, arch: Arch) -> frozenset[str]:
        """The operations along each path; see `spaces.nasbench201.notation.paths`."""
        return paths(self.decode(arch))

    def isomorphism(self, arch: Arch) -> str:
        """The text of the class of equal cells; see `spaces.nasbench201.notation.isomorphism`."""
        return isomorphism(self.decode(arch))

    def network(self, design: Design, size: Size) -> Network:
        from spaces.nasbench201.network import Nasbench201Network

        return Nasbench201Network(design, size)

    def supernet(self, size: Size) -> Supernet:
        from spaces.nasbench201.supernet import Nasbench201Supernet

        return Nasbench201Supernet(size)

    def costs(self, size: Size, metric: str) -> tuple[float, list[list[float]]]:
        if metric not in ("macs", "parameters"):
            raise UserError(f"space nasbench201 has no cost {metric!r}: use macs or parameters")
        if size.stem != "cifar":
            raise UserError("space nasbench201 knows the costs of networks with the stem for small images only")
        c, side, macs = size.channels, size.image, metric == "macs"
        constant = float(9 * size.inputs * c * side**2 if macs else 9 * size.inputs * c + 2 * c)
        table = [0.0] * len(OPERATIONS)
        for stage, cells in enumerate(stages(size.cells)):
            if stage:
                side = (side + 1) // 2
                constant += REDUCTION * c**2 * side**2 if macs else REDUCTION * c**2 + 8 * c
                c *= 2
            for option, name in enumerate(OPERATIONS):
                kernel = KERNELS.get(name)
                if kernel:
                    weights = (kernel * c) ** 2
                    table[option] += cells * (weights * side**2 if macs else weights + 2 * c)
        constant += c * size.classes if macs else 2 * c + (c + 1) * size.classes
        return constant, [table] * len(EDGES)
