"""The ENAS micro space: two cells of five blocks, each block the sum of two operations on two inputs.

Pham et al., "Efficient Neural Architecture Search via Parameter Sharing", ICML 2018, section 2.4; details are those of
the authors' src/cifar10/micro_child.py (melodyguan/enas).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from spaces.base import Arch, Size, Space, UserError
from spaces.enas.choices import BLOCKS, MACROS, OPERATIONS, SIDES, loose_ends
from spaces.parts.genotype import Edge, Genotype, nearest, read_genotype, write_genotype

if TYPE_CHECKING:
    from spaces.parts.network import Network, Supernet

_CELL = tuple(options for inputs in SIDES for options in (inputs, len(OPERATIONS)))


@dataclass(frozen=True)
class Enas(Space):
    """40 decisions; every combination is valid. Per cell (normal, then reduction) and block: (input, operation) of both
    sides.

    A block can read both cell inputs and every earlier block. The order of a block's two sides is kept, so several
    architectures compute the same function. `macro` is how cells are stacked: "darts", as in every cell space here, so
    that methods are compared by their cells and not by their stacks; or "enas", the authors' own, in which `Size.cells`
    is their num_layers (two more layers are built), inputs are calibrated and the auxiliary head comes one layer later.
    The stand-alone networks of both concatenate the loose ends.
    """

    macro: str = "darts"

    choices = 2 * _CELL
    published = Size(channels=36, cells=20, classes=10, image=32)
    searched = Size(channels=20, cells=8, classes=10, image=32)

    def __post_init__(self) -> None:
        if self.macro not in MACROS:
            raise UserError(f"space enas: unknown macro '{self.macro}'; choose one of {', '.join(MACROS)}")

    def decode(self, arch: Arch) -> Genotype:
        half = len(_CELL)
        normal, reduce = (
            tuple((OPERATIONS[cell[i + 1]], cell[i]) for i in range(0, half, 2)) for cell in (arch[:half], arch[half:])
        )
        return Genotype(normal, loose_ends(normal), reduce, loose_ends(reduce))

    def encode(self, design: Genotype) -> Arch:
        normal = _encode_cell("normal", design.normal, design.normal_concat)
        return normal + _encode_cell("reduce", design.reduce, design.reduce_concat)

    def write(self, design: Genotype) -> str:
        return write_genotype(design)

    def read(self, text: str) -> Genotype:
        """The design of a genotype, or of the 40 numbers of the authors' scripts ("0 2 0 0 …",
        cifar10_micro_final.sh)."""
        return self.decode(_read_numbers(text)) if text.strip()[:1].isdigit() else read_genotype(text)

    def network(self, design: Genotype, size: Size) -> Network:
        if self.macro == "enas":
            from spaces.enas.network import EnasNetwork

            return EnasNetwork(design, size)
        from spaces.parts.cells import CellNetwork

        return CellNetwork(design, size)

    def supernet(self, size: Size) -> Supernet:
        from spaces.enas.supernet import EnasSupernet

        return EnasSupernet(size, self.macro)


def _encode_cell(cell: str, edges: tuple[Edge, ...], concat: tuple[int, ...]) -> Arch:
    if len(edges) != 2 * BLOCKS:
        raise UserError(f"'{cell}' has {len(edges) // 2} nodes; a cell of the enas space has {BLOCKS}")
    for i, (operation, source) in enumerate(edges):
        if operation not in OPERATIONS:
            hint = nearest(operation, OPERATIONS)
            raise UserError(
                f"'{cell}', pair {i}: {operation}{hint} is not in the enas space; it has {', '.join(OPERATIONS)}"
            )
        if not 0 <= source < i // 2 + 2:
            raise UserError(f"'{cell}', pair {i}: input {source} does not exist there; inputs are 0 to {i // 2 + 1}")
    if set(concat) != set(loose_ends(edges)):
        ends = list(loose_ends(edges))
        raise UserError(f"'{cell}_concat' is {list(concat)}; the enas space concatenates the loose ends, here {ends}")
    return tuple(number for operation, source in edges for number in (source, OPERATIONS.index(operation)))


def _read_numbers(text: str) -> Arch:
    words = text.split()
    if len(words) != len(Enas.choices):
        raise UserError(
            f"an enas arc has {len(Enas.choices)} numbers, inputs and operations alternating; {len(words)} found"
        )
    for i, (word, options) in enumerate(zip(words, Enas.choices)):
        if not (word.isascii() and word.isdigit() and len(word) < 4 and int(word) < options):
            kind = "operation" if i % 2 else "input"
            raise UserError(f"enas arc, number {i + 1} ({kind}): '{word[:20]}' is not one of 0 to {options - 1}")
    return tuple(map(int, words))
