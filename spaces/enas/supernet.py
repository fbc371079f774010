"""ENAS' supernet: a stack of layers that share their weights between all architectures (see `SharedLayer`)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spaces.base import Arch, Size
from spaces.enas.choices import OPERATIONS, SIDES
from spaces.enas.path import EnasPath
from spaces.enas.search_stack import SearchStack
from spaces.enas.shared_layer import SharedLayer
from spaces.enas.wiring import Wiring, wire
from spaces.parts.network import Supernet, use_batch_statistics


class EnasSupernet(SearchStack, Supernet):
    """All architectures of the micro space. Places 0 to 9 are the sides of the normal cell, block by block, places 10
    to 19 those of the reduction cell; candidate k of a side is operation k % 5 on input k // 5. There is no auxiliary
    head.

    Fresh weights of the cells follow He's rule, as the authors' do.
    """

    shape = tuple(inputs * len(OPERATIONS) for inputs in 2 * SIDES)

    def __init__(self, size: Size, macro: str = "darts"):
        super().__init__(size, macro, SharedLayer)
        self.size, self.macro = size, macro
        use_batch_statistics(self)

    def forward(self, x: Tensor, mix: Sequence[Tensor]) -> Tensor:
        *_, last = self.maps(x, wire(mix[: len(SIDES)]), wire(mix[len(SIDES) :]))
        return self.logits(last)

    def step(self, i: int, before: Tensor, last: Tensor, *given: Wiring) -> tuple[Tensor, Tensor]:
        normal, reduction = given
        return super().step(i, before, last, reduction if i in self.reductions else normal)

    def derive(self, mix: Sequence[Tensor]) -> Arch:
        """The candidate with the largest weight at every place, the first of equal ones."""
        return tuple(number for weights in mix for number in divmod(int(weights.argmax()), len(OPERATIONS)))

    def path(self, arch: Arch) -> list[Tensor]:
        """One-hot weights on the CPU, wherever the supernet is: `forward` reads there which candidates to compute."""
        chosen = (source * len(OPERATIONS) + o for source, o in zip(arch[::2], arch[1::2]))
        return [F.one_hot(torch.tensor(k), candidates).float() for k, candidates in zip(chosen, self.shape)]

    def inherit(self, arch: Arch) -> nn.Module:
        with torch.device("meta"):  # all weights are copied from here: none need to be drawn
            path = EnasPath(arch, self.size, self.macro)
        path.to_empty(device=self.classifier.weight.device).to(self.classifier.weight)
        path.copy_weights(self)
        return path
