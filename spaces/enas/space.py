"""The ENAS micro space: two cells of five blocks, each block the sum of two operations on two inputs.

Pham et al., "Efficient Neural Architecture Search via Parameter Sharing", ICML 2018, section 2.4; read with the
authors' src/cifar10/micro_child.py (melodyguan/enas).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from spaces.base import Arch, Size, Space, UserError
from spaces.parts.genotype import Edge, Genotype, nearest, read_genotype, write_genotype

if TYPE_CHECKING:
    from spaces.enas.supernet import EnasSupernet
    from spaces.parts.network import Network

BLOCKS = 5
OPERATIONS = ("sep_conv_3x3", "sep_conv_5x5", "avg_pool_3x3", "max_pool_3x3", "skip_connect")
MACROS = ("darts", "enas")

_CELL = tuple(options for block in range(BLOCKS) for _ in range(2) for options in (block + 2, len(OPERATIONS)))


def layout(macro: str, cells: int) -> tuple[int, tuple[int, int]]:
    """(number of cells, positions of the two reductions). ENAS' `num_layers` counts neither reduction."""
    if macro == "enas":
        return cells + 2, (cells // 3, 2 * (cells // 3) + 1)
    return cells, (cells // 3, 2 * cells // 3)


def loose_ends(edges: tuple[Edge, ...]) -> tuple[int, ...]:
    """The states that no operation reads, both cell inputs included: their maps are the cell's output."""
    read = {source for _, source in edges}
    return tuple(state for state in range(len(edges) // 2 + 2) if state not in read)


@dataclass(frozen=True)
class Enas(Space):
    """40 decisions, every combination valid: cell (normal, then reduction), block, then (input, operation) twice.

    A block may read both cell inputs and every earlier block; the order of the two sides of a block is kept, so several
    architectures compute the same function. `macro` is how cells are stacked: "darts", as every cell space here, so
    that methods compare cells and not stacks; or "enas", the authors' own (`Size.cells` is their num_layers: two more
    layers are built; calibrated inputs, the auxiliary head a layer later). Both retrain the concatenated loose ends.
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
        """A genotype as JSON, or the 40 numbers of the authors' scripts ("0 2 0 0 …", cifar10_micro_final.sh)."""
        return self.decode(_read_numbers(text)) if text.strip()[:1].isdigit() else read_genotype(text)

    def network(self, design: Genotype, size: Size) -> Network:
        if self.macro == "enas":
            from spaces.enas.network import EnasNetwork

            return EnasNetwork(design, size)
        from spaces.parts.cells import CellNetwork

        return CellNetwork(design, size)

    def supernet(self, size: Size) -> EnasSupernet:
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
        raise UserError(f"an enas arc has {len(Enas.choices)} numbers, input and operation in turn; {len(words)} found")
    for i, (word, options) in enumerate(zip(words, Enas.choices)):
        if not (word.isascii() and word.isdigit() and len(word) < 4 and int(word) < options):
            kind = "operation" if i % 2 else "input"
            raise UserError(f"enas arc, number {i + 1} ({kind}): '{word[:20]}' is not one of 0 to {options - 1}")
    return tuple(map(int, words))
