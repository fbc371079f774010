"""Where the numbers of a plan lie: parts of one piece of memory, whose address is known later."""

from __future__ import annotations

from collections import defaultdict

import torch
from torch import Tensor

BASE = 1 << 62
"""The address of the arena while a plan is made: above those of all memory, and above the bits of a double below 2."""
LINE = 64  # bytes; parts begin at cache lines


class Arena:
    """Gives out parts and takes them back for others of the same size."""

    def __init__(self) -> None:
        self.size = 0
        self._free: dict[int, list[int]] = defaultdict(list)
        self._used: dict[int, list[int]] = {}  # address: [bytes, owners]

    def take(self, size: int) -> int:
        """The address of a part of `size` bytes."""
        size = -(-size // LINE) * LINE
        if self._free[size]:
            address = self._free[size].pop()
        else:
            address, self.size = BASE + self.size, self.size + size
        self._used[address] = [size, 1]
        return address

    def share(self, address: int) -> None:
        """A part has one owner more. Addresses inside a part have no owners of their own."""
        if address in self._used:
            self._used[address][1] += 1

    def give(self, address: int) -> None:
        """A part has one owner less; without owners it is free."""
        if address in self._used:
            self._used[address][1] -= 1
            if not self._used[address][1]:
                self._free[self._used.pop(address)[0]].append(address)


def allocate(size: int) -> Tensor:
    """Memory that begins at a cache line: (bytes,)."""
    memory = torch.empty(size + LINE, dtype=torch.uint8)
    return memory[-memory.data_ptr() % LINE :]


def placed(rows: Tensor, memory: Tensor) -> Tensor:
    """Steps with the addresses of the arena in this memory."""
    return torch.where(rows >= BASE, rows - BASE + memory.data_ptr(), rows)
